"""The chassis that every service is built on. It knows no block; see README.md in this folder."""
