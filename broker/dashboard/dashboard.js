"use strict";
const SECONDS_SHOWN = 300;
const UNITS = {
    ms: value => value < 0 ? "never yet" : value < 10000 ? value + " ms" : Math.round(value / 1000) + " s",
    us: value => (value / 1000).toFixed(1) + " ms",
    bytes: value => value < 1048576 ? Math.round(value / 1024) + " KiB" : Math.round(value / 1048576) + " MiB",
};
let before = null; // the previous status, and its time
const done = [];

function show(place, value) {
    const unit = UNITS[place.dataset.unit];
    place.textContent = unit ? unit(value) : typeof value === "number" ? value.toLocaleString("en") : String(value);
    place.classList.toggle("bad", place.dataset.good !== undefined && String(value) !== place.dataset.good);
}

function state(good, text) {
    const place = document.getElementById("state");
    place.className = good ? "good" : "bad";
    place.textContent = text;
}

function showState(status) {
    if (status.unready !== "") {
        state(false, status.unready);
    } else if (!status.accepting || !status.dispatching) {
        state(false, status.stopping ? "stopping" : !status.accepting ? "no batch is accepted (drain)" : "nothing is dispatched (pause)");
    } else {
        state(true, "ready: work is committed end-to-end");
    }
}

function draw() {
    const most = Math.max(1, ...done);
    const points = done.map((rate, i) => (SECONDS_SHOWN - done.length + i) + "," + (98 - 96 * rate / most).toFixed(1));
    document.getElementById("done").setAttribute("points", points.join(" "));
}

function take(status, now) {
    showState(status);
    for (const place of document.querySelectorAll("[data-field]")) {
        show(place, status[place.dataset.field]);
    }
    const seconds = before === null ? 0 : (now - before.now) / 1000;
    // A broker that was started again counts from 0.
    const rate = name => seconds <= 0 ? 0 : Math.max(0, (status[name] - before.status[name]) / seconds);
    for (const place of document.querySelectorAll("[data-rate]")) {
        show(place, Math.round(rate(place.dataset.rate)));
    }
    document.getElementById("used").value = status.journal_used_bytes / status.journal_bytes_max;
    done.push(rate("cases_done_total"));
    done.splice(0, done.length - SECONDS_SHOWN);
    draw();
    before = { status, now };
}

async function turn() {
    try {
        const reply = await fetch("/status", { cache: "no-store", signal: AbortSignal.timeout(5000) });
        take(await reply.json(), performance.now());
    } catch (error) {
        state(false, "the broker does not answer");
        before = null;
    }
    setTimeout(turn, 1000);
}
turn();
