/** The next frame; or soon, on a page that nobody looks at and that gets no frames. */
export function inNextFrame(callback: () => void): number {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    callback();
  };
  setTimeout(once, 250);
  return requestAnimationFrame(once);
}
