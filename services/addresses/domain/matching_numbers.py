"""Numbers of the match model. Written by `python -m benchmarks.addresses.fit_match`; not to be changed by hand."""

WEIGHTS = (
    -1.8652,  # constant
    -1.5350,  # words missing
    -3.9853,  # numbers missing
    -3.5918,  # letters missing
    -3.7271,  # words besides
    -3.0236,  # numbers besides
    -1.8286,  # letters besides
    -1.4076,  # disorder
    0.3825,  # corrected
    0.7742,  # within a range
    0.5744,  # unit
    -0.7777,  # sector
    -0.4754,  # district
    -3.5130,  # elsewhere
    4.0599,  # lead
    0.0857,  # lead is small
    -0.5576,  # tied
    -0.7846,  # shell
    2.1487,  # share held
    -0.8834,  # numbers missing, unit
    -0.0651,  # words missing, no postcode
    -0.4424,  # lead, no postcode
    1.4420,  # unknown words
    2.3068,  # exact
    -0.4190,  # exact, no postcode
    -1.0195,  # exact, unit
    -1.3266,  # lead is small, exact
    -0.5275,  # other flat
    -2.4662,  # no name held
    4.2800,  # no name held, unit
    0.7079,  # exact, shell
    -0.3745,  # tied, exact
    -0.9127,  # floor missing
    -0.8808,  # floor besides
    -2.8141,  # other floor
    -0.1473,  # flat missing
    -2.3702,  # only a letter besides
    0.9201,  # only a number besides
    -3.7046,  # exact, shell, lead is clear
)
CURVE = (
    (
        0.000204,
        0.000487,
        0.001984,
        0.003153,
        0.004164,
        0.013607,
        0.038606,
        0.089171,
        0.126737,
        0.157918,
        0.263144,
        0.388286,
        0.537547,
        0.728729,
        0.797711,
        0.884333,
        0.907240,
        0.923454,
        0.942797,
        0.946960,
        0.953202,
        0.964672,
        0.970599,
        0.984478,
        0.993900,
        0.996267,
        0.996948,
        0.996963,
        0.997935,
        0.997986,
    ),
    (
        0.000553,
        0.001384,
        0.004132,
        0.009677,
        0.014706,
        0.014706,
        0.021707,
        0.050676,
        0.077236,
        0.108000,
        0.248858,
        0.348039,
        0.470327,
        0.608911,
        0.757426,
        0.826228,
        0.910072,
        0.965199,
        0.965347,
        0.972892,
        0.981793,
        0.984637,
        0.986111,
        0.997606,
        0.997626,
        0.998195,
        0.998195,
        0.998814,
        0.999239,
        0.999321,
    ),
)
"""What the model says, and the share that was right."""
MATCH_FROM = 0.9126
POSSIBLE_FROM = 0.2
