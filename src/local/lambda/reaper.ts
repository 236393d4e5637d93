import { spawn, type ChildProcess } from "node:child_process";

/**
 * Kills the runtime's children when the runtime itself is killed, even by SIGKILL and even while a child is in a busy
 * loop: a shell of its own waits at the end of a pipe, knows the children's process groups, and reads end-of-file when
 * the runtime is gone, however it went. Node has no access to Linux' PR_SET_PDEATHSIG, and macOS has nothing like it.
 */
export class Reaper {
  #shell: ChildProcess | undefined;

  /** Says that the process group led by `pid` must not outlive the runtime. */
  watch(pid: number): void {
    this.#start().stdin?.write(`+ ${pid}\n`);
  }

  /** Says that the process group led by `pid` is gone (its number may be given away again). */
  forget(pid: number): void {
    this.#shell?.stdin?.write(`- ${pid}\n`);
  }

  /** Ends the shell, which first kills what is still watched. */
  stop(): void {
    this.#shell?.stdin?.end();
    this.#shell = undefined;
  }

  #start(): ChildProcess {
    if (this.#shell) return this.#shell;
    // detached: a Ctrl-C in the terminal must not end it before the runtime.
    const shell = spawn("/bin/sh", ["-c", SCRIPT], { detached: true, stdio: ["pipe", "ignore", "ignore"], env: {} });
    // It must not keep the runtime alive, and a broken pipe is nothing that a call could handle.
    shell.unref();
    (shell.stdin as (NodeJS.WritableStream & { unref?(): void }) | null)?.unref?.();
    shell.stdin?.on("error", () => {});
    shell.on("exit", () => {
      if (this.#shell === shell) this.#shell = undefined;
    });
    this.#shell = shell;
    return shell;
  }
}

const SCRIPT = `
pids=' '
while read -r sign pid; do
  case $sign in
    +) pids="$pids$pid " ;;
    -) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -9 "-$pid" 2>/dev/null; done
`;
