// classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"sort"

	ort "github.com/yalue/onnxruntime_go"
)

const pixels = 224 * 224

var (
	mean      = [3]float32{0.485, 0.456, 0.406}
	deviation = [3]float32{0.229, 0.224, 0.225}
)

func readPicture(path string) ([]float32, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	header := []byte("P6\n224 224\n255\n")
	if !bytes.HasPrefix(file, header) || len(file) != len(header)+3*pixels {
		return nil, fmt.Errorf("%s is no P6 picture of 224 by 224", path)
	}
	image := make([]float32, 3*pixels)
	for i, value := range file[len(header):] {
		channel, pixel := i%3, i/3
		image[channel*pixels+pixel] = (float32(value)/255 - mean[channel]) / deviation[channel]
	}
	return image, nil
}

func classify(model, picture string) error {
	inputs, outputs, err := ort.GetInputOutputInfo(model)
	if err != nil {
		return err
	}
	session, err := ort.NewDynamicAdvancedSession(model, []string{inputs[0].Name},
		[]string{outputs[0].Name}, nil)
	if err != nil {
		return err
	}
	defer session.Destroy()
	image, err := readPicture(picture)
	if err != nil {
		return err
	}
	input, err := ort.NewTensor(ort.NewShape(1, 3, 224, 224), image)
	if err != nil {
		return err
	}
	defer input.Destroy()
	results := []ort.Value{nil} // the library allocates it
	if err := session.Run([]ort.Value{input}, results); err != nil {
		return err
	}
	defer results[0].Destroy()

	scores := results[0].(*ort.Tensor[float32]).GetData()
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] > scores[order[b]] })
	for _, index := range order[:5] {
		fmt.Printf("%d %.6f\n", index, scores[index])
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: classify MODEL PICTURE.ppm")
	}
	ort.SetSharedLibraryPath(os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
	if err := ort.InitializeEnvironment(); err != nil {
		log.Fatal(err)
	}
	defer ort.DestroyEnvironment()
	if err := classify(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
