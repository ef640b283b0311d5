"""Engine ``deep``: a network turns a picture of the ROI into features; which network, and which picture, is data."""
