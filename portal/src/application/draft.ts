import type { Answers, Application } from "../api/forms.ts";
import { asProblem, type Problem } from "../api/problem.ts";

/** The calls a draft needs; the real ones are in `api/forms.ts`. */
export interface DraftCalls {
  load(): Promise<Application>;
  save(version: number, answers: Answers): Promise<Application>;
}

export type SaveState = "saved" | "unsaved" | "saving" | "conflict" | "refused" | "unreachable";

const PAUSE_MS = 1_000;
const RETRY_MS = 5_000;

/**
 * A draft's answers on their way to the server: saved a moment after the last change, one call at a time, each over the
 * version read before. Where somebody else (another tab, another device) was faster, it stops and asks.
 */
export class Draft {
  state: SaveState = "saved";
  problem: Problem | null = null;
  private version: number;
  private server: Application;
  private mine: Answers;
  /** What we sent last and the server took; it may keep it in a tidier form. */
  private taken: Answers;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly calls: DraftCalls,
    application: Application,
    private readonly changed: () => void,
  ) {
    this.version = application.version;
    this.server = application;
    this.mine = application.answers;
    this.taken = application.answers;
  }

  /** The application as the server had it last. */
  get application(): Application {
    return this.server;
  }

  get answers(): Answers {
    return this.mine;
  }

  edit(answers: Answers): void {
    this.mine = answers;
    if (this.state === "conflict") return;
    this.become("unsaved");
    this.schedule(PAUSE_MS);
  }

  /** Saves what is not saved yet; true when the server has it all. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer);
    await this.inTurn(() => this.send());
    return this.state === "saved";
  }

  /** Does something else that needs the newest version (an attachment), then reads the application again. */
  async exclusively(work: (version: number) => Promise<void>): Promise<void> {
    await this.flush();
    await this.inTurn(async () => {
      try {
        await work(this.version);
      } finally {
        this.take(await this.calls.load());
        this.changed();
      }
    });
  }

  /** Ends a conflict: with our answers over theirs, or with theirs. */
  async settle(choice: "mine" | "theirs"): Promise<void> {
    await this.inTurn(async () => {
      const theirs = await this.calls.load();
      this.take(theirs);
      this.taken = theirs.answers;
      if (choice === "theirs") this.mine = theirs.answers;
      this.become("unsaved");
      await this.send();
    });
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private schedule(delay: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.inTurn(() => this.send()), delay);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async send(): Promise<void> {
    if (this.state === "conflict") return;
    const sent = this.mine;
    if (same(sent, this.taken)) return this.become("saved");
    this.become("saving");
    try {
      this.take(await this.calls.save(this.version, sent));
      this.taken = sent;
    } catch (error) {
      return this.fail(asProblem(error), sent);
    }
    if (this.mine === sent) this.become("saved");
    else this.edit(this.mine);
  }

  private async fail(problem: Problem, sent: Answers): Promise<void> {
    if (problem.is("412")) {
      const theirs = await this.calls.load().catch(() => null);
      // Our own save got through and only its answer was lost.
      if (theirs && same(theirs.answers, sent)) {
        this.take(theirs);
        this.taken = sent;
        return this.become("saved");
      }
      return this.become("conflict", problem);
    }
    if (problem.unreachable || problem.status === 503) {
      this.schedule((problem.retryAfter ?? 0) * 1_000 || RETRY_MS);
      return this.become("unreachable", problem);
    }
    this.become("refused", problem);
  }

  private take(application: Application): void {
    this.server = application;
    this.version = application.version;
  }

  private become(state: SaveState, problem: Problem | null = null): void {
    this.state = state;
    this.problem = problem;
    this.changed();
  }
}

/** Equal for the server, which trims texts and does not mind the order of names. */
function same(a: Answers, b: Answers): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === "string") return inner.normalize().trim();
    if (!inner || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
