"""SHA-256 of every model file that the package runs unasked; written by `python -m training pin`."""

KNOWN: dict[str, str] = {
    "dense/decoders/standard/decoder.onnx": "f0e37c6f3b6f55ba88bd238e8adc59c77eb41ec36a9e46f0a62c78219a5f65bc",
    "dense/encoder.onnx": "67e4de8e5fa89f7bd0bedafb245991f17007155ebfa0b43e436fe67fc9b641d2",
    "dense/tables.npz": "7605bfe759600c72e90ba75f8d60d50c17250b099390673d6134e6394d254857",
    "genre/genre.onnx": "fb978dc5844641e0204f83e8ed0cbfcf04a4e32b3f404acc6cc98789c6402476",
    "music/decoders/standard/decoder.onnx": "eca6343d24d45248b8a3636a87b6aa636ded41feef20347f3d8b23a0b8a5b9c8",
    "music/decoders/standard/noise.npy": "453d73b5835e323676a98f1f4a6cdeb82ad8e0878d84340bc051b89f79aa6f49",
    "music/encoder.onnx": "8d668c58576aa019b04fb49373d6c06a09c340c782d3f79be720261133b48443",
    "music/tables.npz": "12ab6a9747438cc9cd31064723f43faaa7d6ddfa48750ec81042cf9485dad812",
    "time/decoders/standard/decoder.onnx": "8c6db3cb1c6346b8e359940fc323e82168911bfb5ca0babff40d765d0c282612",
    "time/encoder.onnx": "ab096a8967f14380a21ea84df4615ac9e973058d9dc441b5ce8e187f5439be20",
    "time/tables.npz": "ff0438820fb4b42e61ea2711a789d8e6e90bda3a9964ce4c779231b924205e0b",
}
