//! What the window is told once, at its start.

use crate::hosts::Hosts;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use workaday_config::Settings;
use workaday_config::kind::Rate;
use workaday_config::settings::Auth;
use workaday_core::clock::Length;

#[derive(Clone, Debug)]
pub struct Options {
    /// The SQLite file.
    pub database: PathBuf,
    pub app: String,
    pub release: Option<String>,
    pub bind: String,
    /// No other port is tried when this one is taken.
    pub bind_is_stated: bool,
    pub public_url: Option<String>,
    pub trusted_proxies: Vec<IpAddr>,
    pub auth: Auth,
    pub environment: Option<String>,
    pub zone: String,
    /// Zone of schedules that name none.
    pub schedules_zone: Option<String>,
    pub mask: Vec<String>,
    pub more_hosts: Vec<String>,
    pub more_headers: BTreeMap<String, String>,
    pub roles: BTreeMap<String, String>,
    /// Jobs that one async worker runs at once.
    pub async_slots: usize,
    /// Queues that workaday.toml names.
    pub queues: Vec<String>,
    pub body_max: usize,
    pub connections: usize,
    pub rate: Rate,
    pub logins: Rate,
    /// How often a backup should be made.
    pub backup_every: Length,
}

impl Options {
    pub fn of(settings: &Settings, database: PathBuf, release: Option<String>) -> Self {
        let (web, security) = (&settings.web, &settings.security);
        let module = settings.app.as_deref().and_then(|app| app.split(':').next()).map(str::to_owned);
        let folder = || settings.root.canonicalize().ok()?.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            database,
            app: module.or_else(folder).unwrap_or_else(|| "workaday".into()),
            release,
            bind: web.bind.clone(),
            bind_is_stated: web.bind_is_stated,
            public_url: web.public_url.clone(),
            trusted_proxies: web.trusted_proxies.iter().filter_map(|text| text.parse().ok()).collect(),
            auth: web.auth,
            environment: web.environment.clone(),
            zone: web.tz.clone().unwrap_or_else(|| "UTC".into()),
            schedules_zone: workaday_config::schedules::zone(settings),
            mask: security.mask.clone(),
            more_hosts: security.hosts.clone(),
            more_headers: security.headers.clone(),
            roles: security.roles.clone(),
            async_slots: settings.worker.async_slots,
            queues: settings.queues.keys().cloned().collect(),
            body_max: security.body_max,
            connections: security.connections,
            rate: security.rate,
            logins: security.logins,
            backup_every: workaday_config::release::backup(settings).every,
        }
    }

    /// The host names that requests may carry, once the port is known.
    pub fn hosts(&self, port: u16) -> Hosts {
        Hosts::new(&self.bind, port, self.public_url.as_deref(), &self.more_hosts)
    }
}
