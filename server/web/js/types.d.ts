// The shapes of the API that the pages read (server/openapi.json), and those that modules share. For the
// type checker only: browsers do not load this file.

export interface Person {
  userId: number;
  name: string;
}

export interface Rotation {
  state: 'none' | 'due' | 'overdue' | 'overlap' | 'safe_to_delete';
  rotateAt: string;
  successorId: number | null;
  predecessorId: number | null;
  because: string | null;
}

export interface Token {
  id: number;
  name: string;
  tokenPreview: string;
  createdAt: string;
  expiresAt: string;
  expiresInDays: number;
  rotateAt: string;
  lastUsedAt: string | null;
  lastUsedIp: string | null;
  lastUsedClient: string | null;
  status: 'active' | 'expired' | 'revoked';
  endedAt: string | null;
  endedReason: 'expired' | 'revoked' | 'owner_deactivated' | 'owner_deleted' | 'leaked' | null;
  endedBy: Person | null;
  endedNote: string | null;
  purpose: string | null;
  link: string | null;
  createdBy: { userId: number; apiKeyId: number | null } | null;
  predecessorId: number | null;
  successorId: number | null;
  rotation: Rotation;
}

/** The answer of a creation: the only one with the secret. */
export type MadeToken = Token & { token: string };

export interface TokenLabel {
  id: number;
  name: string;
  tokenPreview: string;
}

/** `calls` were accepted; `refused` come on top. */
export interface Use {
  calls: number;
  refused: number;
  lastAt: string;
}

export interface Impact {
  summary: string;
  days: number;
  calls: number;
  refused: number;
  lastUsedAt: string | null;
  lastUsedIp: string | null;
  lastUsedClient: string | null;
  perDay: { day: string; calls: number; refused: number }[];
  places: (Use & { client: string; address: string | null })[];
  addresses: (Use & { address: string })[];
  clients: (Use & { client: string })[];
  routes: (Use & { method: string; route: string })[];
  descendants: { live: number; data: TokenLabel[] };
}

export interface Place {
  client: string;
  address: string | null;
  oldAt: string;
  oldCalls: number;
  newAt: string | null;
  newCalls: number;
}

export interface RotationProgress {
  old: Token;
  successor: Token | null;
  places: Place[];
  state: Rotation['state'];
  because: string | null;
  placesDays: number;
  quietHours: number;
}

export interface HistoryEntry {
  at: string;
  event: 'created' | 'rotated' | 'revoked' | 'expired' | 'rate_limit_set';
  actor: Person | null;
  note: string | null;
}

export interface Reminder {
  id: number;
  apiKeyId: number;
  apiKeyName: string;
  tokenPreview: string;
  ownerId: number;
  ownerName: string;
  stage: 'rotation' | 'week' | 'day';
  state: 'due' | 'acknowledged';
  dueAt: string;
  nextAt: string | null;
  expiresAt: string;
  successorId: number | null;
}

export interface Finding {
  id: string;
  practice: string;
  apiKeyId: number;
  apiKeyName: string;
  evidence: string;
  remedy: string;
}

export interface Organization {
  id: number;
  name: string;
  tokensMayCreateTokens: boolean;
  maxExpiryDays: number | null;
  defaultRateLimit: number | null;
  periods: { days: number; rotateOn: number }[];
}

export interface User {
  id: number;
  email: string;
  name: string;
  kind: 'person' | 'service';
  orgRole: 'owner' | 'admin' | 'member';
}

/** An account as admins see it. */
export interface Account extends User {
  status: 'active' | 'deactivated';
  hasPassword: boolean;
  createdAt: string;
}

/** One account, with what only its own answer has. */
export interface AccountDetail extends Account {
  /** Why the reader is not shown a link that sets the password. */
  linkRefusal: 'is_owner' | 'is_oneself' | 'is_admin' | 'was_admin' | null;
}

export interface Webhook {
  id: number;
  name: string;
  platform: 'slack' | 'discord' | 'teams' | 'google_chat' | 'custom';
  maskedUrl: string;
  events: string[];
  status: 'enabled' | 'disabled';
  disabledReason: 'admin' | 'gone' | 'failing' | null;
  failingSince: string | null;
  secretChangedAt: string | null;
  previousSecretUntil: string | null;
  createdAt: string;
}

/** The answer of a creation; `secret` is null for every platform but custom. */
export type MadeWebhook = Webhook & { secret: string | null };

/** The answer of a rotation. */
export interface WebhookSecret {
  previousSecretUntil: string | null;
  secret: string;
}

export interface Delivery {
  id: number;
  messageId: string;
  event: string;
  state: 'queued' | 'sent' | 'parked';
  attempts: number;
  nextAttemptAt: string | null;
  status: number | null;
  error: string | null;
  createdAt: string;
  endedAt: string | null;
}

export interface Custodian {
  userId: number;
  name: string;
  email: string;
  status: 'active' | 'deactivated';
  addedAt: string;
}

export interface Session {
  user: User;
  organization: { id: number; name: string };
}

export interface SessionEntry {
  id: number;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string;
  address: string | null;
  client: string;
  current: boolean;
}

export interface MailWishes {
  reminders: boolean;
  weeklyDigest: boolean;
}

export interface CalendarFeed {
  createdAt: string | null;
}

export interface Project {
  id: string;
  name: string;
  role: 'guest' | 'user' | 'project_admin';
}

/** An account in a project. */
export interface Member {
  userId: number;
  name: string;
  email: string;
  kind: 'person' | 'service';
  status: 'active' | 'deactivated';
  role: Project['role'];
  addedAt: string;
}

export interface TestCase {
  id: string;
  title: string;
  automationId: number;
  status: 'active' | 'archived';
  createdAt: string;
  archivedAt: string | null;
}

export interface TestCounts {
  total: number;
  notExecuted: number;
  pass: number;
  fail: number;
  blocked: number;
  skipped: number;
}

export interface TestCycle {
  id: string;
  name: string;
  master: boolean;
  status: 'active' | 'archived';
  createdAt: string;
  archivedAt: string | null;
  counts: TestCounts;
}

/** What a pipeline told of itself. */
export interface Build {
  id: string | null;
  number: string | null;
  url: string | null;
  branch: string | null;
  commit: string | null;
  provider: string | null;
}

/** A case in a cycle, with its latest result there. */
export interface Execution {
  caseId: string;
  title: string;
  automationId: number;
  status: string;
  executedAt: string | null;
  durationMs: number | null;
  message: string | null;
  build: Build | null;
}

/** One result of a case, of all that it ever had. */
export interface PastResult {
  at: string;
  cycleId: string;
  status: string;
  durationMs: number | null;
  name: string | null;
  message: string | null;
  build: Build | null;
}

/** One upload of results to a cycle. */
export interface TestRun {
  id: number;
  at: string;
  reportedBy: Person | null;
  apiKey: { id: number; name: string } | null;
  build: Build | null;
  received: number;
  matched: number;
  unmatched: number;
  counts: Pick<TestCounts, 'pass' | 'fail' | 'blocked' | 'skipped'>;
}

export interface Page<T> {
  data: T[];
  nextCursor: string | null;
  /** The page's own: it has fewer elements than were asked for, because nothing older than this was looked at yet. */
  lookedTo?: string;
}

export interface AuditEvent {
  id: number;
  occurredAt: string;
  action: string;
  actor: {
    kind: 'user' | 'operator' | 'system';
    userId: number | null;
    apiKeyId: number | null;
    apiKeyName: string | null;
  };
  target: { kind: string; id: number; name: string | null };
  address: string | null;
  requestId: string | null;
  detail: Record<string, any>;
  users: {
    id: number;
    name: string;
    kind: 'person' | 'service';
    status: 'active' | 'deactivated' | 'deleted';
  }[];
}

/** All pages of a list; `more` when the bound was reached before the end. */
export interface Everything<T> {
  data: T[];
  more: boolean;
}

/** What a view is given. */
export interface Context {
  params: Record<string, string>;
  query: URLSearchParams;
  session: Session;
  /** The view's own state of this entry of history: survives redraws, reload and Back. */
  kept: Record<string, unknown>;
  keep(patch: Record<string, unknown>): void;
  /** Replaces the query string of the address without a redraw; `entry`: as a new entry of history. */
  setQuery(query: URLSearchParams, how?: { entry?: boolean }): void;
  /** Loads and draws the view again, quietly. */
  reload(): Promise<void>;
  /** Repeats work while the view is shown, visible and without a dialog. */
  every(seconds: number, work: () => Promise<unknown>): void;
}

export interface View<T = any> {
  title: string;
  /** Drawn without navigation, and without a session. */
  bare?: boolean;
  /** Its heading becomes the title of the document. */
  named?: boolean;
  /** Loaded again each minute, when the tab becomes visible, and when another tab changes tokens. */
  live?: boolean;
  /** Rows of its skeleton. */
  rows?: number;
  load?(context: Context): Promise<T>;
  render(data: T, context: Context): Node;
  /** Brings what is drawn to newer data, in place; false: it has to be drawn anew. */
  update?(data: T, context: Context): boolean;
}

export type Content = Node | string | number | null | undefined | false | Content[];

declare global {
  interface Window {
    /** What first.js has asked for, by path below /api/v1. */
    early?: Map<string, Promise<Response>>;
  }
}
