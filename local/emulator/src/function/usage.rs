//! The resources that the processes of a function use, from /proc.

/// The unit of `utime` and `stime` in /proc/PID/stat. Linux has shown 100 ticks per second to user space on every
/// architecture since 2.6.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resources that processes used.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) peak_memory_bytes: u64,
}

impl Usage {
    /// With the resources of a running process.
    pub(super) fn and(self, pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Self {
            cpu_seconds: self.cpu_seconds + cpu_ticks(&stat).unwrap_or(0) as f64 / TICKS_PER_SECOND,
            peak_memory_bytes: self.peak_memory_bytes.max(peak_kib(&status).unwrap_or(0) * 1024),
        }
    }
}

/// `utime` + `stime` of a /proc/PID/stat. The name in parentheses may itself contain spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

/// `VmHWM` of a /proc/PID/status.
fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
