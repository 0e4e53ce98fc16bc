//! Metrics of the process, from Linux' `/proc/self` (proc(5)). What cannot be read is left out.

use std::fs;

use super::text::{Kind, Text};

/// The unit of times in `/proc/self/stat`: 100 on every architecture that Linux runs containers on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system says of us.
#[derive(Debug, Default, PartialEq)]
struct Process {
    /// Seconds.
    cpu: Option<f64>,
    /// Unix time.
    start: Option<f64>,
    /// Bytes.
    virtual_memory: Option<u64>,
    /// Bytes.
    resident_memory: Option<u64>,
    open_files: Option<u64>,
    most_files: Option<u64>,
    /// Bytes that passed through read calls, sockets included.
    read: Option<u64>,
    written: Option<u64>,
}

/// Writes the metrics of the process, under the names that all programs have and under those of ingress-nginx.
pub(super) fn write(text: &mut Text) {
    Process::now().write(text);
}

impl Process {
    fn now() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/{name}")).unwrap_or_default();
        let mut process = Self::parse(
            &read("self/stat"),
            &read("stat"),
            &read("self/status"),
            &read("self/limits"),
            &read("self/io"),
        );
        process.open_files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);
        process
    }

    fn parse(stat: &str, system: &str, status: &str, limits: &str, io: &str) -> Self {
        // The name of the program, in parentheses, may hold anything; the fields after it are numbered from 3.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        let ticks =
            |number: usize| fields.get(number - 3)?.parse::<f64>().ok().map(|ticks| ticks / TICKS_PER_SECOND);
        let boot: Option<f64> = field(system, "btime ").and_then(|value| value.parse().ok());
        let kilobytes = |name| {
            field(status, name)?.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|size| size * 1024)
        };
        let limit = field(limits, "Max open files").and_then(|values| values.split_whitespace().next());
        let number = |name| field(io, name)?.parse().ok();
        Self {
            cpu: ticks(14).zip(ticks(15)).map(|(user, system)| user + system),
            start: boot.zip(ticks(22)).map(|(boot, start)| boot + start),
            virtual_memory: kilobytes("VmSize:"),
            resident_memory: kilobytes("VmRSS:"),
            open_files: None,
            most_files: limit.and_then(|limit| limit.parse().ok()),
            read: number("rchar:"),
            written: number("wchar:"),
        }
    }

    fn write(&self, text: &mut Text) {
        let float = |value: Option<u64>| value.map(|value| value as f64);
        let common = [
            ("process_cpu_seconds_total", Kind::Counter, "Seconds of CPU", self.cpu),
            ("process_start_time_seconds", Kind::Gauge, "Unix time of the start", self.start),
            ("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory", float(self.virtual_memory)),
            ("process_resident_memory_bytes", Kind::Gauge, "Resident memory", float(self.resident_memory)),
            ("process_open_fds", Kind::Gauge, "Open files", float(self.open_files)),
            ("process_max_fds", Kind::Gauge, "How many files may be open", float(self.most_files)),
        ];
        for (name, kind, help, value) in common {
            if let Some(value) = value {
                text.common(name, kind, help).value("", value);
            }
        }
        let ours = [
            ("num_procs", Kind::Gauge, "Processes that serve: this one", Some(1.0)),
            ("cpu_seconds_total", Kind::Counter, "Seconds of CPU", self.cpu),
            ("oldest_start_time_seconds", Kind::Gauge, "Unix time of the start", self.start),
            ("virtual_memory_bytes", Kind::Gauge, "Virtual memory", float(self.virtual_memory)),
            ("resident_memory_bytes", Kind::Gauge, "Resident memory", float(self.resident_memory)),
            ("read_bytes_total", Kind::Counter, "Bytes read, from sockets too", float(self.read)),
            ("write_bytes_total", Kind::Counter, "Bytes written, to sockets too", float(self.written)),
        ];
        for (name, kind, help, value) in ours {
            if let Some(value) = value {
                text.family(&format!("nginx_process_{name}"), kind, help).value("", value);
            }
        }
    }
}

/// What follows a name at the start of a line.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_linux_are_read() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 9 9 9 9 150 50 9 9 20 0 9 0 250 999 9";
        let process = Process::parse(
            stat,
            "cpu 1 2\nbtime 1000\n",
            "Name:\tx\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n",
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096     files\n",
            "rchar: 10\nwchar: 20\n",
        );
        let expected = Process {
            cpu: Some(2.0),
            start: Some(1002.5),
            virtual_memory: Some(2 << 20),
            resident_memory: Some(1 << 20),
            open_files: None,
            most_files: Some(1024),
            read: Some(10),
            written: Some(20),
        };
        assert_eq!(process, expected);
        assert_eq!(
            Process::parse("", "x", "VmRSS: many kB", "Max open files unlimited", ""),
            Process::default()
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_of_it() {
        let process = Process::now();
        assert!(
            process.cpu.is_some() && process.start.is_some() && process.open_files > Some(2),
            "{process:?}"
        );
        assert!(process.resident_memory > Some(1 << 16) && process.virtual_memory >= process.resident_memory);
        assert!(process.read.is_some() && process.written.is_some(), "{process:?}");
    }
}
