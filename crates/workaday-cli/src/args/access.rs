//! The options of who may look and act: `open`, `user …`, `token …`.

use super::By;
use clap::{Args, Subcommand};

/// Roles of the dashboard, the least first.
pub const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

#[derive(Debug, Args)]
pub struct Open {
    /// What the one who uses it may do
    #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = ROLES)]
    pub role: String,
    /// Whose name stands in the audit (default: user@host) [env: WORKADAY_OWNER]
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user, or give one another role and password; the password is asked for, or read from standard input
    Add(UserAdd),
    /// List users and their roles
    List,
    /// Remove a user and end what is open in his name
    Remove(UserRemove),
}

#[derive(Debug, Args)]
pub struct UserAdd {
    /// His name
    pub name: String,
    /// What he may do
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = ROLES)]
    pub role: String,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct UserRemove {
    /// His name
    pub name: String,
    /// Say what would go, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it, this once
    Create(TokenCreate),
    /// List tokens, never what opens
    List,
    /// Revoke a token: it opens nothing from now on
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What it is for: prometheus
    pub name: String,
    /// What its holder may do
    #[arg(long, value_name = "ROLE", default_value = "viewer", value_parser = ROLES)]
    pub role: String,
    /// The part of the API that it opens: read, metrics, enqueue, jobs, tasks, queues, schedules, alerts; may be repeated (default: all that its role allows)
    #[arg(long = "scope", value_name = "SCOPE", value_parser = workaday_web::api::SCOPES)]
    pub scopes: Vec<String>,
    /// It opens for this long, at most (default: until revoked)
    #[arg(long, value_name = "LENGTH")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// Its name
    pub name: String,
    /// Say what would be revoked, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}
