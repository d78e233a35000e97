"""Numbers of the match model. Written by `python -m benchmarks.addresses.fit_match`; not to be changed by hand."""

WEIGHTS = (
    -2.9432,  # constant
    -1.7799,  # words missing
    -2.4994,  # numbers missing
    -1.5190,  # letters missing
    0.0704,  # disorder
    0.2265,  # corrected
    -0.1557,  # within a range
    -1.2903,  # sector
    -0.5847,  # district
    -0.8672,  # elsewhere
    -0.1518,  # shell
    -0.2645,  # share held
    -1.4331,  # numbers missing, unit
    -0.5505,  # words missing, no postcode
    -0.4081,  # unknown words
    0.0161,  # other flat
    -1.1971,  # floor missing
    -0.6705,  # other floor
    0.0712,  # flat missing
    -0.5988,  # all written, words missing
    -0.3510,  # all written, words missing, unit
    -1.3637,  # lead, something missing
    -0.4296,  # elsewhere, lead
    -0.6449,  # elsewhere, something missing
    -0.4648,  # unit, something missing
    0.6181,  # not behind
    0.0000,  # level
    2.7750,  # lead
    0.0000,  # ahead
    0.0432,  # clear lead
    0.7452,  # far ahead
    0.0000,  # unit
    0.0000,  # words written
    0.0000,  # few words besides
    0.0000,  # no words besides
    0.0000,  # one number besides
    0.4272,  # no numbers besides
    0.0000,  # no letters besides
    0.5706,  # all written
    0.0000,  # named
    0.0000,  # named, unit
    0.6924,  # named or unit
    0.0000,  # no other floor
    0.0000,  # all written, unit
    0.1312,  # all written, ahead
    0.5119,  # all written, clear lead
    0.6288,  # all written, lead
    0.1165,  # clear lead, unit
    0.3512,  # lead, unit
    0.1157,  # exact
    0.0000,  # exact, unit
    0.2999,  # exact, ahead
    0.0000,  # exact, clear lead
    0.0000,  # exact, lead
    0.6176,  # exact or clear lead
    0.1785,  # exact or unit
    0.0000,  # home exact
    0.6063,  # home exact, ahead
    0.0000,  # home exact, clear lead
    0.0000,  # only a letter besides
    0.0697,  # only a number besides
    0.4682,  # home ahead
    0.2629,  # home clear lead
    0.0000,  # home, unit
)
CURVE = (
    (
        0.025552,
        0.354653,
        0.705738,
        0.919800,
        0.975093,
        0.996169,
        0.998611,
    ),
    (
        0.002000,
        0.351485,
        0.747788,
        0.885827,
        0.975694,
        0.996614,
        0.999578,
    ),
)
"""What the model says, and the share that was right."""
MATCH_FROM = 0.9521
POSSIBLE_FROM = 0.2
