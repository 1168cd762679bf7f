// Copyright (c) 2026 the posthorn authors
//
// SPDX-License-Identifier: MIT

// Nodemailer: its pooled transport, or one connection for each message. The command line is that of smtp_load, and so is the line
// of JSON.

'use strict';

const fs = require('fs');
const nodemailer = require('nodemailer');

const given = {host: '127.0.0.1', port: '25', n: '1', conns: '1', tls: 'none', auth: '0', reuse: '1', stream: '0',
               user: 'user', pass: 'pass'};
for (let i = 2; i + 1 < process.argv.length; i += 2)
    given[process.argv[i].slice(2)] = process.argv[i + 1];
const n = Number(given.n);
const conns = Number(given.conns);

const settings = {
    host: given.host, port: Number(given.port), name: 'load.example.org',
    secure: given.tls === 'implicit', ignoreTLS: given.tls === 'none', requireTLS: given.tls === 'starttls',
};
if (given.reuse === '1')
    Object.assign(settings, {pool: true, maxConnections: conns, maxMessages: Infinity});
if (given.tls !== 'none')
    settings.tls = {ca: fs.readFileSync(given.ca)};
if (given.auth === '1')
    settings.auth = {user: given.user, pass: given.pass, method: 'PLAIN'};

const text = given.stream === '1' ? null : fs.readFileSync(given.file);
const transport = nodemailer.createTransport(settings);
let begun = 0;
let accepted = 0;

async function sendShare() {
    while (begun < n) {
        ++begun;
        const raw = text === null ? fs.createReadStream(given.file) : text;
        const info = await transport.sendMail(
            {envelope: {from: 'load@example.org', to: ['sink@example.net']}, raw, disableFileAccess: true});
        accepted += info.accepted.length;
    }
}

async function main() {
    const begin = process.hrtime.bigint();
    const cpu = process.cpuUsage();
    await Promise.all(Array.from({length: conns}, sendShare));
    const used = process.cpuUsage(cpu);
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    transport.close();
    const us = used.user + used.system;
    const peak = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'))[1]);
    console.log(JSON.stringify({messages: n, seconds, messages_per_second: n / seconds, cpu_us_per_message: us / n,
                                peak_rss_kib: peak, cpu_seconds: us / 1e6}));
    process.exitCode = accepted === n ? 0 : 1;
}

main().catch(e => { console.error(e.message); process.exitCode = 1; });
