import { Contact } from "../run/contact";
import { Notices } from "../run/notices";
import type { Notice } from "../run/wire";
import type { Answering } from "../views/prompt_form";
import { Answers } from "./answers";
import { EVERYTHING, filterOf, type Choice } from "./choice";
import { Connection } from "./connection";
import type { NotebookPlace } from "./doors";
import { Happenings, type Happening } from "./happenings";
import { runPath, type Server } from "./server";
import type { Day, Facets, ListNews, RunLine, Wanted, Waiting } from "./wire";

const WINDOW = 120;
const STEP = 40;

/**
 * All runs of a home as one page knows them: a window of the list, what goes on, what waits for an answer.
 *
 * The server sends what changed; the list is never longer here than what can be seen of it.
 */
export class RunsStore {
  choice: Choice;
  total = 0;
  days: Day[] = [];
  running: RunLine[] = [];
  waiting: Waiting[] = [];
  facets: Facets = { type: "facets", tasks: [], sources: [] };
  /** null until the first answer, then whether the server can be reached. */
  connected: boolean | null = null;
  read = false;
  /** What keeps the server from reading runs; empty when nothing does. */
  trouble = "";

  private readonly told = new Notices();
  private lines: RunLine[] = [];
  private offset = 0;
  private wantedOffset = 0;
  private everyMs = 250;
  private readonly listeners = new Set<() => void>();
  private readonly contact = new Contact();
  private readonly answers: Answers;
  private readonly happenings: Happenings;
  private readonly connection: Connection;

  constructor(private readonly server: Server, choice: Choice = EVERYTHING) {
    this.choice = choice;
    this.answers = new Answers(
      server, (now) => this.contact.timeThere(now), () => this.changed(), (run, text) => this.notify("info", text, run),
    );
    this.happenings = new Happenings(server);
    this.connection = new Connection(() => server.socket("api/live"), {
      opened: () => {
        this.connected = true;
        this.want();
        this.changed();
      },
      took: (message) => this.take(message as ListNews),
      lost: () => {
        this.connected = false;
        this.changed();
      },
    });
  }

  get notices(): readonly Notice[] {
    return this.told.shown;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Hear of runs that end and of new questions, but not of those that were there before. */
  watch(watcher: (happening: Happening) => void): () => void {
    return this.happenings.watch(watcher);
  }

  close(): void {
    this.connection.close();
    this.listeners.clear();
    this.happenings.close();
  }

  /** The run that stands there in the list, if it has been sent. */
  at(number: number): RunLine | undefined {
    return this.lines[number - this.offset];
  }

  /** Whether the run has asked something that nobody has answered. */
  asks(run: string): boolean {
    return this.waiting.some((one) => one.run === run);
  }

  /** Have these runs of the list sent, and some around them. */
  show(first: number, last: number): void {
    const offset = Math.max(0, Math.floor((first - STEP) / STEP) * STEP);
    if (offset === this.wantedOffset && last < offset + WINDOW) return;
    this.wantedOffset = offset;
    this.want();
  }

  choose(choice: Choice): void {
    this.choice = choice;
    this.wantedOffset = 0;
    this.want();
    this.changed();
  }

  /** How often the server may send news. */
  set newsEveryMs(milliseconds: number) {
    if (milliseconds === this.everyMs) return;
    this.everyMs = milliseconds;
    this.want();
  }

  answering(run: string): Answering {
    return this.answers.of(run);
  }

  abort(run: string): Promise<void> {
    return this.act(runPath(run, "abort"), "POST", { action: "", reason: "Aborted in the panel." });
  }

  resume(run: string): Promise<void> {
    return this.act(runPath(run, "resume"), "POST");
  }

  remove(run: string): Promise<void> {
    return this.act(runPath(run), "DELETE");
  }

  /** Run it again; the new run's name, or an empty one if that was not possible. */
  async rerun(run: string): Promise<string> {
    let name = "";
    await this.attempt(async () => {
      const content = await this.server.ask(runPath(run, "rerun"), "POST");
      name = (content as { name: string }).name;
    });
    return name;
  }

  /** Where the notebook of a run is on the server, or an empty path if that is not known. */
  async notebookOf(run: string): Promise<NotebookPlace | undefined> {
    let found: NotebookPlace | undefined;
    await this.attempt(async () => {
      found = (await this.server.ask(runPath(run, "notebook"))) as NotebookPlace;
    });
    return found;
  }

  /** Forget runs that are older; quiet if there is nothing to forget. */
  tidy(olderThanDays: number): Promise<void> {
    return this.act("api/tidy", "POST", { older_than_days: olderThanDays });
  }

  dismiss(notice: Notice): void {
    this.told.dismiss(notice);
    this.changed();
  }

  private act(path: string, method: string, body?: unknown): Promise<void> {
    return this.attempt(async () => {
      await this.server.ask(path, method, body);
    });
  }

  private async attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.notify("error", error instanceof Error ? error.message : String(error));
    }
  }

  private notify(level: string, text: string, about = ""): void {
    this.told.show({ type: "notice", level, text, about });
    this.changed();
  }

  private want(): void {
    const wanted: Wanted = {
      type: "list", chosen: filterOf(this.choice), offset: this.wantedOffset, limit: WINDOW,
      utc_offset_s: -60 * new Date().getTimezoneOffset(), every_ms: this.everyMs,
    };
    this.connection.send(wanted);
  }

  private take(message: ListNews): void {
    switch (message.type) {
      case "runs":
        this.read = true;
        this.total = message.total;
        this.days = message.days;
        this.offset = message.offset;
        this.lines = message.runs;
        this.told.endAbout(message.runs.filter(({ phase }) => phase === "succeeded").map(({ name }) => name));
        break;
      case "running":
        this.running = message.runs;
        this.told.endAbout(message.runs.map(({ name }) => name));
        this.happenings.takeRunning(message.runs);
        break;
      case "inbox":
        this.waiting = message.waiting;
        this.contact.tellsTime(message.at_ms);
        this.happenings.takeWaiting(message.waiting);
        break;
      case "facets":
        this.facets = message;
        break;
      case "trouble":
        this.trouble = message.text;
        break;
      case "notice":
        this.told.show(message);
        break;
    }
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}