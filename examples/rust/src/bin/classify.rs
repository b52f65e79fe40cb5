//! classify MODEL PICTURE.ppm: prints the five best classes, `index score`.

use std::error::Error;

use ort::{session::Session, value::TensorRef};

const PIXELS: usize = 224 * 224;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

fn read_picture(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let file = std::fs::read(path)?;
    let pixels = file
        .strip_prefix(b"P6\n224 224\n255\n")
        .filter(|pixels| pixels.len() == 3 * PIXELS)
        .ok_or_else(|| format!("{path} is no P6 picture of 224 by 224"))?;
    let mut image = vec![0.0; 3 * PIXELS];
    for (i, &value) in pixels.iter().enumerate() {
        let (pixel, channel) = (i / 3, i % 3);
        image[channel * PIXELS + pixel] = (f32::from(value) / 255.0 - MEAN[channel]) / DEVIATION[channel];
    }
    Ok(image)
}

fn main() -> Result<(), Box<dyn Error>> {
    let [model, picture] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: classify MODEL PICTURE.ppm".into());
    };
    let env = ort::init().build()?;
    let mut session = Session::builder(&env)?.commit_from_file(model)?;
    let image = read_picture(picture)?;
    let outputs = session.run(ort::inputs![TensorRef::from_array_view(([1, 3, 224, 224], &*image))?])?;

    let (_, scores) = outputs[0].try_extract_tensor::<f32>()?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    for &index in &order[..5] {
        println!("{index} {:.6}", scores[index]);
    }
    Ok(())
}
