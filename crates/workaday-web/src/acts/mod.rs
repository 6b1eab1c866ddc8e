//! What people do with the forms of the pages.
use crate::routes::Route;
pub const ROUTES: &[Route] = &[];
