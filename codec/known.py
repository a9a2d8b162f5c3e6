"""SHA-256 of every model file that the package runs unasked; written by `python -m training.pin`."""

KNOWN: dict[str, str] = {
    "dense/decoder.onnx": "f0e37c6f3b6f55ba88bd238e8adc59c77eb41ec36a9e46f0a62c78219a5f65bc",
    "dense/encoder.onnx": "67e4de8e5fa89f7bd0bedafb245991f17007155ebfa0b43e436fe67fc9b641d2",
    "dense/tables.npz": "7605bfe759600c72e90ba75f8d60d50c17250b099390673d6134e6394d254857",
    "genre/genre.onnx": "e9703b5bd64a3f68e285bc90d752a7eda7c3dfef947dcf978db27aa24e44dbd1",
    "genre2/genre.onnx": "10ec23773e5cb6cac22b94c384a99d4678d690ffef6ff83ed156d5b0070efe92",
    "genre3/genre.onnx": "570abbe616bfec43dd2de390a5131c423263b9d4568519468babfa16edf01015",
    "music1/decoder.onnx": "8e07a7b4380f07432f4938a6a55a689650baa185e287d4f593eafa00d8271609",
    "music1/encoder.onnx": "888b39e5412d773947623f0e9eced7ea0e396f0661e09bb516f7c4c1398028f0",
    "music1/tables.npz": "58a87e3492c6f4cb793a755d9ab970c1791fcca12aaf73d5e33bbcd39ec2e9ad",
    "music2/decoder.onnx": "0774918e2c36864a52a1db009c8e3cc4eea7e294f7e21dc9c25a71460b36dfe8",
    "music2/encoder.onnx": "591eff46599f15694ec1973d31f24081dde775d3d7cb9f12b96a820d212725d6",
    "music2/tables.npz": "ec1e498e0eca3f221156633a5646cc0f60574e2f0e38e31934ca7640ed9422d3",
    "music3/decoder.onnx": "2382c1783df685509d4aa6df798d2be53ede792475091c9bab3709e635a4266c",
    "music3/encoder.onnx": "b2d690e19160e06b75a5024b7c602177af8302b7453ee60c3f5f7d00dbf393f9",
    "music3/tables.npz": "94328afa1db4b4ccf85a08045c9b6bb6e83294ea82ae9e3174b0d0227639233c",
    "time/decoder.onnx": "8c6db3cb1c6346b8e359940fc323e82168911bfb5ca0babff40d765d0c282612",
    "time/encoder.onnx": "ab096a8967f14380a21ea84df4615ac9e973058d9dc441b5ce8e187f5439be20",
    "time/tables.npz": "ff0438820fb4b42e61ea2711a789d8e6e90bda3a9964ce4c779231b924205e0b",
}
