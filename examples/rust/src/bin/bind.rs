//! bind MODEL: runs ten times into one output of its own, and prints the output's first values.

use std::error::Error;

use ort::{
    session::Session,
    value::{Outlet, Tensor, TensorRefMut},
};

fn shape(outlet: &Outlet) -> Result<Vec<i64>, Box<dyn Error>> {
    let shape = outlet.dtype().tensor_shape().ok_or("no tensor")?;
    Ok(shape.to_vec())
}

fn main() -> Result<(), Box<dyn Error>> {
    let [model] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: bind MODEL".into());
    };
    let env = ort::init().build()?;
    let mut session = Session::builder(&env)?.commit_from_file(model)?;
    let (input, output) = (&session.inputs()[0], &session.outputs()[0]);
    let (input_shape, output_shape) = (shape(input)?, shape(output)?);
    let image: Vec<f32> = (0..input_shape.iter().product()).map(|i| (i % 256) as f32 / 255.0).collect();
    let mut scores = vec![0f32; output_shape.iter().product::<i64>() as usize];

    let mut binding = session.create_binding()?;
    binding.bind_input(input.name(), &Tensor::from_array((input_shape, image))?)?;
    binding.bind_output(output.name(), TensorRefMut::from_array_view_mut((output_shape, &mut *scores))?)?;
    for _ in 0..10 {
        session.run_binding(&binding)?;
    }
    drop(binding);
    println!("{}", scores[..5].iter().map(f32::to_string).collect::<Vec<_>>().join(" "));
    Ok(())
}
