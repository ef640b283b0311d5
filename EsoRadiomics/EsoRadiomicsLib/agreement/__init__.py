"""Agreement of repeated segmentations: from readings to the ICC of every feature and the list of those kept."""
