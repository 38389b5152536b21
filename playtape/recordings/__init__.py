"""Media files in and out: video, OWAMcap, and the formats of others. The only room that touches them."""
