"""Messages of Pixels2Play's recorder and policy, and of TensorFlow's examples, generated from the .proto files beside (`make proto`). Not edited by hand."""
