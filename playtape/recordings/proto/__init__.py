"""Messages of Pixels2Play's recorder and policy, generated from the .proto files beside (`make proto`). Not edited by hand."""
