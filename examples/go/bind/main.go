// bind MODEL: runs ten times into one output of its own, and prints the output's first values.
package main

import (
	"fmt"
	"log"
	"os"

	ort "github.com/yalue/onnxruntime_go"
)

func bind(model string) error {
	inputs, outputs, err := ort.GetInputOutputInfo(model)
	if err != nil {
		return err
	}
	input, err := ort.NewEmptyTensor[float32](inputs[0].Dimensions)
	if err != nil {
		return err
	}
	defer input.Destroy()
	for i := range input.GetData() {
		input.GetData()[i] = float32(i%256) / 255
	}
	output, err := ort.NewEmptyTensor[float32](outputs[0].Dimensions)
	if err != nil {
		return err
	}
	defer output.Destroy()

	session, err := ort.NewAdvancedSession(model, []string{inputs[0].Name}, []string{outputs[0].Name},
		[]ort.Value{input}, []ort.Value{output}, nil)
	if err != nil {
		return err
	}
	defer session.Destroy()
	for run := 0; run < 10; run++ {
		if err := session.Run(); err != nil {
			return err
		}
	}
	scores := output.GetData()
	fmt.Println(scores[0], scores[1], scores[2], scores[3], scores[4])
	return nil
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: bind MODEL")
	}
	ort.SetSharedLibraryPath(os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
	if err := ort.InitializeEnvironment(); err != nil {
		log.Fatal(err)
	}
	defer ort.DestroyEnvironment()
	if err := bind(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
