"use strict";
const SECONDS_SHOWN = 300;
const UNITS = {
    ms: value => value < 0 ? "never yet" : value < 10000 ? value + " ms" : Math.round(value / 1000) + " s",
    us: value => (value / 1000).toFixed(1) + " ms",
    id: value => value.slice(0, 12), // as in the log
    bytes: value => value < 1048576 ? Math.round(value / 1024) + " KiB" : Math.round(value / 1048576) + " MiB",
};
const program = document.body.dataset.program;
const trends = new Map(); // of each polyline, its last rates
let before = null; // the previous status, and its time

function text(value, unit) {
    if (value === null) {
        return "none";
    }
    if (typeof value === "boolean") {
        return value ? "yes" : "no";
    }
    return UNITS[unit] ? UNITS[unit](value) : typeof value === "number" ? value.toLocaleString("en") : String(value);
}

function show(place, value) {
    place.textContent = text(value, place.dataset.unit);
    place.classList.toggle("bad", place.dataset.good !== undefined && place.textContent !== place.dataset.good);
}

function state(good, line) {
    const place = document.getElementById("state");
    place.className = good ? "good" : "bad";
    place.textContent = line;
}

function showState(status) {
    if (status.stopping) {
        state(false, "stopping");
    } else if (status.unready !== "") {
        state(false, status.unready);
    } else {
        state(true, document.getElementById("state").dataset.ready);
    }
}

function draw(line, rate) {
    const rates = trends.get(line) ?? [];
    rates.push(rate);
    rates.splice(0, rates.length - SECONDS_SHOWN);
    trends.set(line, rates);
    const most = Math.max(1, ...rates);
    const points = rates.map((one, i) => (SECONDS_SHOWN - rates.length + i) + "," + (98 - 96 * one / most).toFixed(1));
    line.setAttribute("points", points.join(" "));
}

function fill(table, rows) {
    const columns = [...table.querySelectorAll("th")];
    const lines = rows.map(row => {
        const line = document.createElement("tr");
        for (const column of columns) {
            const cell = document.createElement("td");
            cell.textContent = text(row[column.dataset.column], column.dataset.unit);
            line.append(cell);
        }
        return line;
    });
    table.tBodies[0].replaceChildren(...lines);
}

function take(status, now) {
    const every = (selector, act) => document.querySelectorAll(selector).forEach(act);
    const seconds = before === null ? 0 : (now - before.now) / 1000;
    // A program that was started again counts from 0.
    const rate = name => seconds <= 0 ? 0 : Math.max(0, (status[name] - before.status[name]) / seconds);
    showState(status);
    every("[data-field]", place => show(place, status[place.dataset.field]));
    every("[data-rate]", place => show(place, Math.round(rate(place.dataset.rate))));
    every("[data-trend]", line => draw(line, rate(line.dataset.trend)));
    every("[data-part]", meter => { meter.value = status[meter.dataset.part] / status[meter.dataset.whole]; });
    every("[data-rows]", table => fill(table, status[table.dataset.rows]));
    before = { status, now };
}

async function turn() {
    try {
        const reply = await fetch("/status", { cache: "no-store", signal: AbortSignal.timeout(5000) });
        if (reply.ok) {
            take(await reply.json(), performance.now());
        } else {
            state(false, "the " + program + " refuses /status (" + reply.status + "): load this page again");
            before = null;
        }
    } catch (error) {
        state(false, "the " + program + " does not answer");
        before = null;
    }
    setTimeout(turn, 1000);
}
turn();
