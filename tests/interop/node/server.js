// A laboratory on node-soap's server. Arguments: WSDL file, port.
'use strict';
const fs = require('fs');
const http = require('http');
const soap = require('soap');

const [file, port] = process.argv.slice(2);
const laboratory = {
  // What it reads as a Date it would write as nothing.
  Echo: ({sample}) => ({result: sample.taken ? {...sample, taken: sample.taken.toISOString()} : sample}),
  Refuse: ({text}) => {
    throw {Fault: {faultcode: 'soap:Client', faultstring: `拒收：${text}`}};
  },
};
const server = http.createServer((request, response) => response.writeHead(404).end());
server.listen(Number(port), '127.0.0.1');
soap.listen(server, '/lab', {Lab: {LabPort: laboratory}}, fs.readFileSync(file, 'utf8'));
