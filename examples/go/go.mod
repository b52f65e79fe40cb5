module sardonyx/examples

go 1.19

require github.com/yalue/onnxruntime_go v1.36.0
