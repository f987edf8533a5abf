#!/usr/bin/env node
// Runs the program testkase-reporter beside this file: same arguments, environment and streams, signals passed on, and its
// exit status as ours.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const path = require("node:path");

const NO_PROGRAM = 127; // as of shells
const PARENT_MS = 100;

function fail(text) {
  process.stderr.write(`testkase-reporter: ${text}\n`);
  process.exit(NO_PROGRAM);
}

if (process.platform !== "linux" || process.arch !== "x64") {
  fail(
    `this package has the reporter for Linux on x64, and this is ${process.platform} on ${process.arch}. ` +
      "Report from a pipeline on Linux, or build the reporter from its source.",
  );
}

const child = spawn(path.join(__dirname, "testkase-reporter"), process.argv.slice(2), { stdio: "inherit" });

// Other users of the machine see the command line of a process, and it may hold a token. The reporter wipes its own.
process.title = "testkase-reporter";

// Ctrl-C in a terminal reaches both; that the reporter then gets it twice makes no difference to it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}

// npm and npx pass a signal only on to the shell between them and us, which dies of it without a word.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || child.kill("SIGTERM"), PARENT_MS).unref();
}

child.on("error", (error) => fail(`the program of this package cannot be started: ${error.message}`));

child.on("exit", (status, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // A signal that does not end this process: the status that a shell would give.
    process.exitCode = 128 + constants.signals[signal];
  } else {
    process.exitCode = status;
  }
});
