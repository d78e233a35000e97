"""Numbers of the match model. Written by `python -m benchmarks.addresses.fit_match`; not to be changed by hand."""

WEIGHTS = (
    -7.3443,  # constant
    -2.6429,  # words missing
    -4.4858,  # numbers missing
    -3.7706,  # letters missing
    0.3486,  # disorder
    0.0853,  # corrected
    -2.1039,  # within a range
    -1.1169,  # sector
    -0.6308,  # district
    -2.8508,  # elsewhere
    0.1684,  # shell
    -1.6881,  # share held
    -0.5209,  # numbers missing, unit
    -1.7721,  # words missing, no postcode
    0.4805,  # unknown words
    1.1125,  # other flat
    -1.2188,  # floor missing
    -0.2776,  # other floor
    -0.1221,  # flat missing
    -1.7103,  # all written, words missing
    -1.4113,  # all written, words missing, unit
    -0.9604,  # lead, something missing
    -2.1929,  # elsewhere, lead
    -0.4918,  # elsewhere, something missing
    -0.5032,  # unit, something missing
    0.0000,  # not behind
    0.0045,  # level
    3.3562,  # lead
    0.0000,  # ahead
    0.0000,  # clear lead
    2.0858,  # far ahead
    0.0000,  # unit
    1.5971,  # words written
    0.0000,  # few words besides
    0.0000,  # no words besides
    0.0000,  # one number besides
    1.4504,  # no numbers besides
    1.5267,  # no letters besides
    0.4579,  # all written
    0.0000,  # named
    0.0000,  # named, unit
    2.8017,  # named or unit
    0.5362,  # no other floor
    0.0000,  # all written, unit
    0.2481,  # all written, ahead
    0.1923,  # all written, clear lead
    0.4864,  # all written, lead
    0.4535,  # clear lead, unit
    0.1309,  # lead, unit
    0.0000,  # exact
    0.0000,  # exact, unit
    0.0000,  # exact, ahead
    0.0000,  # exact, clear lead
    0.0000,  # exact, lead
    0.0000,  # exact or clear lead
    0.1705,  # exact or unit
    0.0000,  # home exact
    0.9846,  # home exact, ahead
    0.0000,  # home exact, clear lead
    0.0000,  # only a letter besides
    0.2134,  # only a number besides
    0.3253,  # home ahead
    0.0000,  # home clear lead
    0.3621,  # home, unit
)
CURVE = (
    (
        0.000476,
        0.000998,
        0.001914,
        0.003185,
        0.004332,
        0.010738,
        0.030612,
        0.057056,
        0.070981,
        0.098917,
        0.137156,
        0.172625,
        0.281839,
        0.512658,
        0.671752,
        0.738332,
        0.844822,
        0.882420,
        0.917965,
        0.946219,
        0.954789,
        0.984627,
        0.996349,
        0.997628,
        0.998188,
        0.999209,
        0.999633,
    ),
    (
        0.000867,
        0.001748,
        0.002408,
        0.004918,
        0.005952,
        0.010883,
        0.017969,
        0.041401,
        0.061321,
        0.074786,
        0.119910,
        0.210280,
        0.291071,
        0.457465,
        0.591772,
        0.668317,
        0.814235,
        0.897841,
        0.947699,
        0.977551,
        0.990000,
        0.996180,
        0.996594,
        0.997000,
        0.998221,
        0.998904,
        0.999126,
    ),
)
"""What the model says, and the share that was right."""
MATCH_FROM = 0.9007
POSSIBLE_FROM = 0.2
