#![doc = include_str!("../README.md")]

mod child;
mod deadman;
mod desk;
mod intake;
mod limits;
mod outbox;
mod page;
mod post;
mod schedule;
mod shared;
mod sys;

use pyo3::prelude::*;

/// `workaday._core`: the Rust half of a child.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add("PROTOCOL", workaday_wire::PROTOCOL)?;
    module.add_function(wrap_pyfunction!(schedule::judge_schedule, module)?)?;
    module.add_class::<child::Child>()
}
