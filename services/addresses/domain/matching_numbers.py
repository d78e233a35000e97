"""Numbers of the match model. Written by `python -m benchmarks.addresses.fit_match`; not to be changed by hand."""

WEIGHTS = (
    -1.6146,  # constant
    -2.6070,  # words missing
    -3.3753,  # numbers missing
    -2.0631,  # letters missing
    -2.2023,  # words besides
    -2.3857,  # numbers besides
    -0.8212,  # letters besides
    -1.4851,  # disorder
    0.5325,  # corrected
    0.6221,  # within a range
    0.2564,  # unit
    -0.6860,  # sector
    -1.1033,  # district
    -2.3226,  # elsewhere
    4.5558,  # lead
    0.0434,  # lead is small
    -0.2464,  # tied
    -0.3581,  # shell
    1.0343,  # share held
    -0.7937,  # numbers missing, unit
    -0.5080,  # words missing, no postcode
    -0.6713,  # lead, no postcode
    3.6970,  # unknown words
    1.6826,  # exact
    0.4102,  # exact, no postcode
    0.1621,  # exact, unit
    -0.5878,  # lead is small, exact
    1.0602,  # other flat
    -2.2599,  # no name held
    3.8254,  # no name held, unit
    -0.0728,  # exact, shell
    -0.5465,  # tied, exact
)
CURVE = (
    (
        0.003232,
        0.026200,
        0.043362,
        0.089673,
        0.173518,
        0.230981,
        0.393469,
        0.531799,
        0.562833,
        0.567641,
        0.611320,
        0.844948,
        0.914194,
        0.952049,
        0.972864,
        0.976158,
        0.979158,
        0.992235,
        0.997418,
        0.997712,
    ),
    (
        0.000558,
        0.016827,
        0.047170,
        0.056650,
        0.095745,
        0.188525,
        0.253571,
        0.426829,
        0.518293,
        0.550439,
        0.581967,
        0.833636,
        0.875000,
        0.938953,
        0.989796,
        0.995177,
        0.996154,
        0.997334,
        0.998850,
        0.998850,
    ),
)
"""What the model says, and the share that was right."""
MATCH_FROM = 0.8637
POSSIBLE_FROM = 0.2
