"""`blocks addresses`: the operator's commands for address files and releases. `blocks` imports it only to run one of them."""
