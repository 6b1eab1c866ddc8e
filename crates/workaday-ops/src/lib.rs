//! The operating discipline, one practice a file.
//!
//! | module | does |
//! |---|---|
//! | [`backup`] | a copy that is whole, compressed, on the disk and counted before it has its name |
//! | [`kept`] | which backups lie in a folder, and whose they are |
//! | [`restore`] | proves a backup in a scratch place; puts one back |
//! | [`scratch`] | private folders that go with their holder, and are found again after a kill |
//! | [`files`] | private files, sums, free space |
//! | [`command`] | runs the user's commands, keeps what they print and how they ended |
//! | [`compare`] | which time each side of `compare` stands for, and the judgement |
//! | [`doctor`] | the checklist: what is wrong around a running store, and what to do |
//! | [`git`] | what the repository says of revision and dirt |
//! | [`evidence`] | what the judge looks at, from the store or from files |
//! | [`probe`] | is the service well |
//! | [`install`] | systemd services, shown before they are written, taken away without a trace |
//! | [`rehearsal`] | a release and its way back, tried in a scratch place |
//! | [`release`] | the pipeline of a release and of a rollback |

pub mod backup;
pub mod command;
pub mod compare;
pub mod doctor;
pub mod evidence;
pub mod files;
pub mod git;
pub mod install;
pub mod kept;
pub mod probe;
pub mod rehearsal;
pub mod release;
pub mod restore;
pub mod scratch;
