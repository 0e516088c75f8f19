// The replay of a spread: marks go on when their peer had the message. The only script that the page's policy lets run.
(() => {
  const root = document.getElementById("replay");
  const [slider, button, output] = ["input", "button", "output"].map((name) =>
    root.querySelector(name)
  );
  const PLAY_MS = 15000, STEPS = Number(slider.max);
  const lanes = [...root.querySelectorAll(".lane")].map((lane) => ({
    count: lane.querySelector("b"),
    dots: [...lane.querySelectorAll("[data-s]")].map((dot) => ({ dot, at: Number(dot.dataset.s) })),
  }));
  const all = lanes.flatMap(({ dots }) => dots);
  const last = Math.max(1e-6, ...all.map(({ at }) => at));
  // Most peers come early: the square gives them more of the way.
  const secondsAt = (step) => last * (step / STEPS) ** 2;
  const text = (seconds) => seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
  function show() {
    const now = secondsAt(Number(slider.value)) + 1e-9;
    let had = 0;
    for (const { count, dots } of lanes) {
      let own = 0;
      for (const { dot, at } of dots) {
        dot.classList.toggle("on", at <= now);
        if (at <= now) own++;
      }
      count.textContent = String(own);
      had += own;
    }
    output.textContent = `${text(now)}: ${had} of ${root.dataset.peers} peers`;
    slider.setAttribute("aria-valuetext", output.textContent);
  }
  let timer = 0, from = 0, since = 0;
  function stop() {
    cancelAnimationFrame(timer);
    timer = 0;
    button.textContent = "Play";
  }
  function step(now) {
    const value = from + STEPS * (now - since) / PLAY_MS;
    slider.value = String(Math.min(STEPS, value));
    show();
    if (value >= STEPS) stop();
    else timer = requestAnimationFrame(step);
  }
  function play() {
    from = Number(slider.value) >= STEPS ? 0 : Number(slider.value);
    since = performance.now();
    button.textContent = "Pause";
    timer = requestAnimationFrame(step);
  }
  button.addEventListener("click", () => timer === 0 ? play() : stop());
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  root.querySelector("[hidden]").hidden = false;
  show();
})();
