// What is said to the server, and that nothing of it is lost while the server does not answer.

async function ask(path, message) {
  const how = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(message) };
  if (message && how.body.length < 60000) how.keepalive = true; // goes out even if the page is being closed
  const answer = await fetch(path, message ? how : undefined);
  const said = await answer.json().catch(() => ({ error: "the server's answer cannot be read" }));
  if (answer.ok) return said;
  throw Object.assign(new Error(said.error), { status: answer.status });
}

// Keeps one rating on the server as it is on the page: each save is the whole of it, one at a time, the newest last.
class Saver {
  constructor(revision, tell) {
    Object.assign(this, { revision, tell, wanted: null, sending: null, running: null, failed: false });
  }

  want(content) {
    this.wanted = content;
    if (!this.running) this.running = this.run().finally(() => (this.running = null));
  }

  // Until everything is saved; false if it never will be.
  async settled() {
    while (this.running) await this.running;
    return !this.failed;
  }

  get unsaved() {
    return Boolean(this.running);
  }

  async run() {
    while (!this.failed && (this.sending || this.wanted)) {
      if (!this.sending) {
        this.sending = { ...this.wanted, revision: this.revision + 1 };
        this.wanted = null;
      }
      try {
        await ask("rating", this.sending);
        this.revision = this.sending.revision;
        this.sending = null;
        this.tell("saved");
      } catch (error) {
        // A refusal stays one; with a full disk or a server that is gone, the same again until it is taken.
        this.failed = error.status !== undefined && error.status < 500;
        this.tell(this.failed ? "refused" : "waiting", error);
        if (!this.failed) await new Promise((over) => setTimeout(over, 1500));
      }
    }
  }
}
