/** A duration in milliseconds as people read it. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1) return "≤ 1 ms";
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A duration that goes on: no more of it than changes once a second. */
export function ticking(milliseconds: number): string {
  return milliseconds < 60_000 ? `${Math.max(0, Math.floor(milliseconds / 1_000))} s` : duration(milliseconds);
}

/** A time of day, in the reader's own time zone. */
export function clock(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toLocaleTimeString();
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** An address that a link may have; anything but http and https is none. */
export function safeAddress(address: string): string | null {
  try {
    const { protocol } = new URL(address);
    return protocol === "http:" || protocol === "https:" ? address : null;
  } catch {
    return null;
  }
}

const PROXIED = /^\/([\w.~@%+-]+\/)*proxy\/[\w.:[\]-]+\/[\w./-]*$/;

/** As `safeAddress`, for a link of an action: also a path to what the server of this page is a proxy of. */
export function actionAddress(address: string): string | null {
  return PROXIED.test(address) && !address.includes("..") ? address : safeAddress(address);
}
