//! The settings of alerts, shared with whoever reads the configuration again.

use std::sync::{Arc, Mutex, PoisonError};
use workaday_config::alerts::Alerts;

/// Cheap to clone; each look sees the settings that hold now.
#[derive(Clone, Debug)]
pub struct Live(Arc<Mutex<Arc<Alerts>>>);

impl Live {
    pub fn new(alerts: Alerts) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(alerts))))
    }

    pub fn get(&self) -> Arc<Alerts> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// True when they differ from those before.
    pub fn replace(&self, alerts: Alerts) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let differs = **held != alerts;
        *held = Arc::new(alerts);
        differs
    }
}
