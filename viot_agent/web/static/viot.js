// The page's own script: plays evidence, draws figures, checks files before they are sent, keeps the address.
// It loads nothing from elsewhere. Everything is found by data attributes, because Gradio remakes its elements.
(() => {
  "use strict";
  if (window.viotReady) return;
  window.viotReady = true;
  const me = document.getElementById("viot-script");
  const prefix = me ? me.dataset.prefix : "";
  const maxMb = me ? Number(me.dataset.maxMb) : 200;
  document.documentElement.lang = "en";

  // evidence -------------------------------------------------------------------------------------------------------

  function play(clip, seek, line, piece) {
    const video = document.getElementById("viot-video");
    if (!video || !clip) return;
    const words = document.getElementById("viot-line");
    const save = document.getElementById("viot-save");
    const start = () => {
      video.currentTime = Math.min(seek, Math.max(0, (video.duration || seek) - 0.2));
      const going = video.play();
      if (going) going.catch(() => { words.textContent = line + ". Press play."; });
    };
    video.onerror = () => {
      words.textContent = line + ": this clip cannot be played; its recording may not be there any more.";
      save.hidden = true;
    };
    video.closest(".viot-player").dataset.on = "1";
    words.textContent = line;
    save.href = clip;
    save.hidden = false;
    if (video.dataset.clip === clip && video.readyState > 0) {
      start();
    } else {
      video.dataset.clip = clip;
      video.addEventListener("loadedmetadata", start, { once: true });
      video.src = clip;
      video.load();
    }
    document.querySelectorAll("[data-piece]").forEach((e) => {
      if (e.dataset.piece === piece) e.setAttribute("aria-current", "true");
      else e.removeAttribute("aria-current");
    });
    const box = video.getBoundingClientRect();
    if (box.bottom < 40 || box.top > window.innerHeight - 80) {
      const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      video.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-clip]");
    if (!button || button.id === "viot-video") return;
    event.preventDefault();
    play(button.dataset.clip, Number(button.dataset.seek || 0), button.dataset.line || "", button.dataset.piece || "");
  });

  // figures --------------------------------------------------------------------------------------------------------

  let plotly = null;
  function withPlotly() {
    if (!plotly) {
      plotly = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = prefix + "/media/page/plotly.min.js";
        script.onload = () => resolve(window.Plotly);
        script.onerror = reject;
        document.head.appendChild(script);
      });
    }
    return plotly;
  }

  function colours() {
    const style = getComputedStyle(document.body);
    const dark = document.body.classList.contains("dark");
    return {
      text: style.getPropertyValue("--body-text-color").trim() || (dark ? "#e5e7eb" : "#1f2937"),
      grid: dark ? "#334155" : "#e2e8f0",
      way: dark ? ["#2dd4bf", "#fbbf24", "#60a5fa", "#f472b6", "#a3e635"] : ["#0f766e", "#b45309", "#1d4ed8", "#be185d", "#4d7c0f"],
    };
  }

  async function draw(place) {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "1";
    try {
      const Plotly = await withPlotly();
      const figure = JSON.parse(place.dataset.figure);
      const c = colours();
      const axis = { gridcolor: c.grid, zerolinecolor: c.grid, linecolor: c.grid };
      const layout = Object.assign({}, figure.layout, {
        font: { family: getComputedStyle(document.body).fontFamily, color: c.text, size: 12 },
        colorway: c.way,
        xaxis: Object.assign({}, axis, figure.layout.xaxis),
        yaxis: Object.assign({}, axis, figure.layout.yaxis),
        hoverlabel: { bgcolor: c.way[0], font: { color: document.body.classList.contains("dark") ? "#0b1220" : "#fff" } },
      });
      place.replaceChildren();
      await Plotly.newPlot(place, figure.data, layout, {
        responsive: true,
        displaylogo: false,
        showSendToCloud: false,  // Plotly's own button would send the chart, names and times in it, to its makers
        plotlyServerURL: "",
        scrollZoom: true,
        modeBarButtonsToRemove: ["lasso2d", "select2d", "toImage"],
      });
      place.on("plotly_click", (event) => {
        const data = event.points && event.points[0] && event.points[0].customdata;
        if (data) play(data[0], Number(data[1]), data[2], data[3]);
      });
    } catch (error) {
      place.textContent = "The figure cannot be drawn; the same is listed above.";
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  });

  // what was sent is seen to be sent, before the server has said anything --------------------------------------------

  let sentAt = 0;
  let sentOf = "";
  const standing = () => document.querySelectorAll("#viot-chat [data-testid=bot], #viot-chat [data-testid=user]").length;
  function tellSent() {
    const line = document.getElementById("viot-sent");
    if (!line) return;
    sentAt = performance.now();
    sentOf = String(standing());
    line.textContent = "Sent. Waiting for the server to begin.";
    setTimeout(() => {
      if (sentAt && performance.now() - sentAt > 19000) line.textContent = "Sent, but the server has not begun. It is very busy, or it has ended.";
    }, 20000);
  }
  function untellSent() {
    if (!sentAt || String(standing()) === sentOf) return;
    sentAt = 0;
    const line = document.getElementById("viot-sent");
    if (line) line.textContent = "";
  }
  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !(box instanceof HTMLTextAreaElement)) return;
    if (box.closest("#viot-box") && box.value.trim()) tellSent();
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button");
    if (!button || button.disabled) return;
    const box = button.closest("#viot-box");
    const words = box ? box.querySelector("textarea").value.trim() : "";
    if (button.id.startsWith("viot-example-") || (words && button.classList.contains("submit-button"))) tellSent();
  }, true);

  // the address holds the conversation, so that a link or a reload reopens it -----------------------------------------

  let address = "";  // the page opens without one: what the address says then is for the server to read
  function keepAddress() {
    const mark = document.getElementById("viot-conversation");
    if (!mark || mark.dataset.id === address) return;
    address = mark.dataset.id;
    const url = new URL(window.location.href);
    if (address) url.searchParams.set("c", address);
    else url.searchParams.delete("c");
    window.history.replaceState(null, "", url);
  }

  function look() {
    const shell = document.getElementById("viot-shell");
    if (shell && document.querySelector("#viot-box textarea")) shell.remove();
    document.querySelectorAll(".viot-plot[data-figure]:not([data-watched])").forEach((place) => {
      place.dataset.watched = "1";
      seen.observe(place);
    });
    document.querySelectorAll('#viot-chat button[aria-label=""]').forEach((button) => {
      button.setAttribute("aria-label", "Clear the conversation");  // Gradio leaves its bin without a name
      button.title = "Clear the conversation";
    });
    document.querySelectorAll(".viot-picture img:not([data-watched])").forEach((image) => {
      image.dataset.watched = "1";
      image.addEventListener("error", () => { image.style.visibility = "hidden"; });
    });
    untellSent();
    keepAddress();
  }
  let asked = false;
  new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; look(); });
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-id", "data-figure"] });
  look();

  // files are checked before a byte is sent ----------------------------------------------------------------------------

  const PICTURES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"];
  const VIDEOS = ["mp4", "mov", "m4v", "mkv", "avi", "webm", "mpg", "mpeg", "ts", "264", "h264"];

  function trouble(file) {
    const end = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
    const size = (file.size / 1e6).toFixed(file.size < 1e7 ? 1 : 0);
    if (!PICTURES.includes(end) && !VIDEOS.includes(end))
      return `${file.name} is neither a picture nor a video that can be read. Choose a JPEG, PNG or WebP picture, or an MP4 video.`;
    if (file.size === 0) return `${file.name} is empty. Copy or export it again.`;
    if (file.size > maxMb * 1e6)
      return `${file.name} has ${size} MB; at most ${maxMb} MB can be sent. Cut it shorter, or add it as a camera on the server: viot camera add.`;
    return "";
  }

  function say(words) {
    let toast = document.getElementById("viot-toast");
    if (!toast) {
      toast = document.createElement("div");
      toast.id = "viot-toast";
      toast.setAttribute("role", "alert");
      document.body.appendChild(toast);
    }
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(toast.timer);
    toast.timer = setTimeout(() => { toast.hidden = true; }, 12000);
  }

  // The server is asked for room before a byte is sent: an answer that comes in the middle of an upload is often lost.
  const fetched = window.fetch;
  window.fetch = async (input, init) => {
    const address = String(input instanceof Request ? input.url : input);
    if (!/\/gradio_api\/upload(\?|$)/.test(address) || !(init && init.body instanceof FormData)) return fetched(input, init);
    let size = 0;
    for (const value of init.body.values()) if (value instanceof File) size += value.size;
    const room = await fetched(prefix + "/media/room?bytes=" + size, { credentials: "include" });
    const words = room.ok ? await room.text() : "";
    // Gradio says the words of an upload that was refused
    return words ? new Response(words, { status: 413 }) : fetched(input, init);
  };

  function refuse(event, files) {
    const words = Array.from(files || []).map(trouble).filter(Boolean);
    if (!words.length) return false;
    event.preventDefault();
    event.stopImmediatePropagation();
    say(words.join(" "));
    return true;
  }
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.type === "file" && refuse(event, input.files)) input.value = "";
  }, true);
  document.addEventListener("drop", (event) => refuse(event, event.dataTransfer && event.dataTransfer.files), true);
  document.addEventListener("paste", (event) => refuse(event, event.clipboardData && event.clipboardData.files), true);
})();
