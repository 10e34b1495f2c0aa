// Talks to the server. What a reviewer decided is sent in order and kept until the server has it.

export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status, answer });
  return answer;
}

const RETRY_MS = 2000;

export class Writer {
  // Sends one decision after the other; `onChange(waiting, problem)` tells what is not saved yet.
  constructor(onChange) {
    this.waiting = [];
    this.numExpected = 0;
    this.onChange = onChange;
    this.isRunning = false;
  }

  // Something will be sent in a moment.
  expect() { this.numExpected += 1; this.onChange(this.numWaiting, ""); }

  get numWaiting() { return this.waiting.length + this.numExpected; }

  // What was expected: `make` gives the body when its turn comes: it may depend on answers to those before it.
  send(make, onDone, onRefused) {
    this.numExpected = Math.max(0, this.numExpected - 1);
    this.waiting.push({ make, onDone, onRefused });
    this.run();
  }

  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    while (this.waiting.length) {
      const { make, onDone, onRefused } = this.waiting[0];
      try {
        this.onChange(this.numWaiting, "");
        const answer = await ask("/api/decide", make());
        this.waiting.shift();
        onDone(answer);
      } catch (error) {
        if (error.status === undefined || error.status >= 500) {
          // The server is away or its disk is full: nothing is dropped, it is tried again.
          this.onChange(this.numWaiting, error.status ? error.message : "the server does not answer");
          await new Promise((done) => setTimeout(done, RETRY_MS));
        } else {
          this.waiting.shift();
          onRefused(error);
        }
      }
    }
    this.isRunning = false;
    this.onChange(this.numWaiting, "");
  }
}
