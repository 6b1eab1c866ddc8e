//! Why a process is no more: from waitpid, from what we did to it, and from the kernel's counter of memory kills.

use serde_json::json;
use workaday_core::ending::DRAINED;
use workaday_engine::Death;

/// The kernel's count of processes it killed for want of memory; compared before and after.
pub fn oom_kills() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/vmstat") else { return 0 };
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

/// How a process ended that was asked to finish and did: by a drain, by a recycling, or because it was not needed any more.
pub fn drained(peak_kib: i64) -> Death {
    Death { cause: json!({"kind": "drained", "memory_peak_kib": peak_kib}), words: DRAINED.to_owned() }
}

/// Reads a wait status.
///
/// `sent_kill`: we sent SIGKILL or SIGTERM ourselves. `oom`: the kernel's counter rose while it lived.
pub fn explain(status: i32, peak_kib: i64, sent_kill: bool, oom: bool) -> Death {
    if libc::WIFEXITED(status) {
        let code = libc::WEXITSTATUS(status);
        let words = match code {
            0 => "left with exit code 0 in the middle of its work".to_owned(),
            code => format!("left with exit code {code}"),
        };
        return Death { cause: json!({"kind": "exit", "code": code, "memory_peak_kib": peak_kib}), words };
    }
    let signal = libc::WTERMSIG(status);
    let name = signal_name(signal);
    let core = libc::WCOREDUMP(status);
    if signal == libc::SIGKILL && !sent_kill && oom {
        let words = format!("killed by the kernel for want of memory (peak {} MiB)", peak_kib / 1024);
        return Death { cause: json!({"kind": "oom", "signal": name, "memory_peak_kib": peak_kib}), words };
    }
    let by = match (signal, sent_kill) {
        (libc::SIGKILL | libc::SIGTERM, true) => " sent by Workaday",
        (libc::SIGKILL, false) => " sent by somebody else, or by its own dead-man timer",
        _ => "",
    };
    let words = format!("killed by {name}{by}{}", if core { " (core dumped)" } else { "" });
    Death { cause: json!({"kind": "signal", "signal": name, "by_workaday": sent_kill, "core": core, "memory_peak_kib": peak_kib}), words }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_named() {
        assert_eq!(explain(3 << 8, 0, false, false).words, "left with exit code 3");
    }

    #[test]
    fn a_kill_by_the_kernel_for_memory_is_told_from_a_kill_by_us() {
        assert_eq!(explain(libc::SIGKILL, 204_800, false, true).words, "killed by the kernel for want of memory (peak 200 MiB)");
        assert_eq!(explain(libc::SIGKILL, 0, true, true).words, "killed by SIGKILL sent by Workaday");
        assert_eq!(explain(libc::SIGSEGV, 0, false, false).words, "killed by SIGSEGV");
    }
}
