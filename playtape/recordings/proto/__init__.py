"""Messages of Pixels2Play's recorder and policy, and TensorFlow's of an episode.

Generated from the .proto files beside (`make proto`). Not edited by hand.
"""
