"""`blocks addresses`: what an operator does with address files and releases. `blocks` imports it when one of its commands is called."""
