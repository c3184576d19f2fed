//! A function of 128 MB, the least that Lambda has, under the kernel's limit of its memory. `make prove` runs this as root.

use std::path::{Path, PathBuf};
use std::time::Duration;

use emulator::function::Function;
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::scene::Scene;
use tests::{envelope, events};

use super::{cost::sink, growth::deliver};

const TIMEOUT: Duration = Duration::from_mins(14);
const LIMIT: u64 = 128 << 20;
const SMALL_OBJECTS: usize = 1000;

/// A group of processes with a limit on their memory. Removed at the end, when its process has ended.
struct Group(PathBuf);

impl Group {
    /// Creates a group, of version 1 or 2 of cgroups, and moves the process into it. The kernel does not count what the process
    /// has allocated so far, so the limit is that much lower.
    fn of(pid: u32, limit: u64) -> std::io::Result<Self> {
        let first = Path::new("/sys/fs/cgroup/memory");
        let (folder, file) =
            if first.exists() { (first, "memory.limit_in_bytes") } else { (Path::new("/sys/fs/cgroup"), "memory.max") };
        let group = Self(folder.join(format!("millrace-{pid}")));
        std::fs::create_dir(&group.0)?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        let before = kilobytes.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or_default() << 10;
        std::fs::write(group.0.join(file), (limit - before).to_string())?;
        std::fs::write(group.0.join("cgroup.procs"), pid.to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The group of a process that has just ended may still be busy. It is empty then, and does no harm.
        let _ = std::fs::remove_dir(&self.0);
    }
}

async fn ingest(function: &mut Function, name: &str, objects: &[Object]) {
    deliver(function, name, objects).await;
    figure(name, "peak MiB of 128", function.peak_memory_bytes() >> 20);
}

#[test]
fn a_function_of_128_mb_reads_large_objects_many_objects_and_adversarial_lines() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "cgroup").await;
        let sink = sink();
        let mut function = scene.function(&sink.url(), &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")]).await;
        function.invoke(&envelope::no_objects(), TIMEOUT).await.expect("the function runs");
        let pid = function.pid().expect("it runs");
        let _group = match Group::of(pid, LIMIT) {
            Ok(group) => group,
            Err(error) => return place::missing("a cgroup (root)", &error.to_string()),
        };
        let block: String = events::generate(1000, 12).collect();
        let times = crate::LARGE_OBJECT / block.len();
        let member = events::gzip(block.as_bytes());
        let large = scene.put("large.gz", member.repeat(times)).await;
        ingest(&mut function, "one object of 1 GiB", &[large]).await;
        let mut several = Vec::new();
        for n in 0..16 {
            several.push(scene.put(&format!("several-{n}.gz"), member.repeat(times / 64)).await);
        }
        ingest(&mut function, "16 objects of 16 MiB", &several).await;
        let few = events::gzip(block.split_inclusive('\n').take(20).collect::<String>().as_bytes());
        let mut small = Vec::new();
        for n in 0..SMALL_OBJECTS {
            small.push(scene.put(&format!("small-{n}.gz"), few.clone()).await);
        }
        ingest(&mut function, "1,000 objects of 20 events", &small).await;
        let line = format!("{{\"a\":[{}1]}}\n", "1,".repeat(500_000));
        let adversarial = scene.put("adversarial.gz", events::gzip(line.repeat(8).as_bytes())).await;
        ingest(&mut function, "lines of 1 MiB of numbers", &[adversarial]).await;
    });
}
