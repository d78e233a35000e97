"""Weights, calibration curve and thresholds of the match model.

`python -m benchmarks.addresses.fit_match` writes this file; do not edit it.
"""

WEIGHTS = (
    -6.3242,  # constant
    -2.6197,  # words missing
    -4.1703,  # numbers missing
    -3.5377,  # letters missing
    0.5036,  # disorder
    0.0545,  # corrected
    -1.9760,  # within a range
    -0.8436,  # sector
    -0.8113,  # district
    -3.1602,  # elsewhere
    -1.2280,  # share held
    -0.8243,  # numbers missing, unit
    -1.6069,  # words missing, no postcode
    -0.3369,  # unknown words
    0.5194,  # other flat
    -1.4145,  # floor missing
    -0.8114,  # other floor
    -0.3859,  # flat missing
    -1.2620,  # all written, words missing
    -1.3595,  # all written, words missing, unit
    -0.8686,  # lead, something missing
    -2.7220,  # elsewhere, lead
    -0.2864,  # elsewhere, something missing
    -0.4135,  # unit, something missing
    0.0000,  # not behind
    0.0000,  # level
    3.5225,  # lead
    0.0000,  # ahead
    0.0000,  # clear lead
    1.4279,  # far ahead
    0.0000,  # unit
    1.6143,  # words written
    0.0000,  # few extra words
    0.0000,  # no extra words
    0.0000,  # one extra number
    1.4656,  # no extra numbers
    1.3706,  # no extra letters
    0.5633,  # all written
    0.0000,  # named
    0.0000,  # named, unit
    1.8449,  # named or unit
    0.1241,  # no other floor
    0.0000,  # all written, unit
    0.2811,  # all written, ahead
    0.3484,  # all written, clear lead
    0.0000,  # all written, lead
    0.4252,  # clear lead, unit
    0.4305,  # lead, unit
    0.0000,  # exact
    0.0000,  # exact, unit
    0.0000,  # exact, ahead
    0.0000,  # exact, clear lead
    0.0000,  # exact, lead
    0.0000,  # exact or clear lead
    0.4944,  # exact or unit
    0.0000,  # home exact
    0.7161,  # home exact, ahead
    0.0000,  # home exact, clear lead
    0.0000,  # only an extra letter
    0.0000,  # only an extra number
    0.0000,  # home
    0.2375,  # home ahead
    0.0000,  # home clear lead
    0.0000,  # home, unit
)
CURVE = (
    (
        0.000738,
        0.002975,
        0.010256,
        0.022508,
        0.029367,
        0.045877,
        0.078651,
        0.140096,
        0.247795,
        0.381727,
        0.504616,
        0.647772,
        0.720630,
        0.818251,
        0.852757,
        0.877976,
        0.904395,
        0.931331,
        0.941202,
        0.950985,
        0.956437,
        0.965791,
        0.984237,
        0.990968,
        0.997205,
        0.998335,
        0.998435,
        0.999081,
        0.999334,
        0.999334,
    ),
    (
        0.000535,
        0.005568,
        0.006988,
        0.010949,
        0.014151,
        0.026570,
        0.070470,
        0.125592,
        0.257937,
        0.299020,
        0.488426,
        0.553922,
        0.618812,
        0.805994,
        0.825333,
        0.907583,
        0.910714,
        0.950450,
        0.960317,
        0.985149,
        0.986607,
        0.990546,
        0.995327,
        0.997568,
        0.997568,
        0.997778,
        0.998021,
        0.999044,
        0.999363,
        0.999363,
    ),
)
"""Outputs of the model, and the share of correct candidates at each."""
MATCH_FROM = 0.9084
POSSIBLE_FROM = 0.2
