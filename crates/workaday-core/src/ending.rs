//! How a process of ours ended, where more than one place has to know the words again.
//!
//! The store keeps a sentence for each end, for people to read. Two of them are no death: a process that was told to
//! leave and did, and one that merely went with its supervisor.

/// It was told to finish, finished, and left.
pub const DRAINED: &str = "drained";
/// Ended by the kernel or by the next supervisor, because its own was no more.
pub const SUPERVISOR_DIED: &str = "its supervisor died";
/// How a signal of ours is told apart from the signal of somebody else.
pub const SENT_BY_US: &str = "sent by Workaday";

/// Did this process come to an end that somebody should look into?
/// What Workaday has killed itself (a timeout, a limit) is told with its job, and is none.
pub fn is_death(cause: &str) -> bool {
    cause != DRAINED && cause != SUPERVISOR_DIED && !cause.contains(SENT_BY_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_nobody_asked_for_is_a_death() {
        for cause in ["killed by SIGKILL sent by somebody else, or by its own dead-man timer", "left with exit code 3"] {
            assert!(is_death(cause), "{cause}");
        }
        for cause in [DRAINED, SUPERVISOR_DIED, "killed by SIGKILL sent by Workaday"] {
            assert!(!is_death(cause), "{cause}");
        }
    }
}
