// The script of a worker that ticks: it is told how often in milliseconds, or 0 to stop.

let timer: ReturnType<typeof setInterval> | undefined;

addEventListener("message", ({ data }: MessageEvent<number>) => {
  clearInterval(timer);
  // Not a window: what it posts goes to the page that made it.
  const post = postMessage as (message: null) => void;
  if (data > 0) timer = setInterval(() => post(null), data);
});
