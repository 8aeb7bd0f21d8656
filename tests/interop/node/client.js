// node-soap. Its options are the place that the library offers for what goes over the wire.
'use strict';
const readline = require('readline');
const soap = require('soap');

const [wsdl] = process.argv.slice(2);
const NAMES = ['text', 'price', 'taken', 'note', 'panel', 'image'];

function sample(fields) {
  const made = {};
  for (const [name, text] of fields) {
    if (name === 'panel') (made.panel ||= []).push({code: text});
    else if (name === 'panel.value') (made.panel.at(-1).value ||= []).push(text);
    else if (name === 'note.nil') made.note = {attributes: {'xsi:nil': 'true'}};
    else made[name] = text;
  }
  return made;
}

function text(value) {
  return value instanceof Date ? value.toISOString() : String(value);
}

function line(read) {
  const parts = [];
  for (const name of NAMES) {
    if (!(name in read)) continue;
    if (name === 'panel') {
      for (const panel of [].concat(read.panel)) {
        parts.push(`panel=${panel.code}`);
        for (const value of panel.value === undefined ? [] : [].concat(panel.value)) parts.push(`panel.value=${text(value)}`);
      }
    } else parts.push(read[name] === null ? `${name}.nil=` : `${name}=${text(read[name])}`);
  }
  return parts.join('\t');
}

function emptied(xml) {
  return xml.replace(/(<soap:Body[^>]*>)[^]*(<\/soap:Body>)/, '$1$2');
}

async function client(way) {
  const made = await soap.createClientAsync(wsdl, {forceSoap12Headers: way === 'soap12'});
  made.setSecurity(new soap.BasicAuthSecurity(process.env.WARD_USER, process.env.WARD_PASSWORD));
  return made;
}

const ACTIONS = {'strange-action': '"urn:nobody:knows/this"', 'other-action': '"urn:example:lab/Refuse"'};
const POSTPROCESS = {'empty-body': emptied, bom: (xml) => '\ufeff' + xml};

async function send(order) {
  const [, way, operation, ...parts] = order.split('\t');
  const fields = parts.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]);
  const made = await client(way);
  const request = operation === 'Echo' ? {sample: sample(fields)} : {text: fields[0][1]};
  const options = {timeout: 60000, forceGzip: way === 'gzip', postProcess: POSTPROCESS[way]};
  const headers = way in ACTIONS ? {SOAPAction: ACTIONS[way]} : way === 'expect' ? {Expect: '100-continue'} : {};
  if (way === 'gzip') headers['Content-Length'] = undefined; // it would announce the length before packing
  const [answer] = await made[`${operation}Async`](request, options, headers);
  return operation === 'Echo' ? line(answer.result) : '';
}

async function main() {
  await client('plain');
  console.log('import\tanswer');
  for await (const order of readline.createInterface({input: process.stdin})) {
    const [name] = order.split('\t');
    try {
      console.log(`${name}\tanswer\t${await send(order)}`);
    } catch (error) {
      const fault = error.root && error.root.Envelope && error.root.Envelope.Body.Fault;
      const words = (what) => String(what).replace(/\s+/g, ' ');
      const code = fault && (fault.faultcode.$value || fault.faultcode);
      const reason = fault && (fault.faultstring.$value || fault.faultstring);
      console.log(fault ? `${name}\tfault\t${code}\t${words(reason)}` : `${name}\terror\t${words(error.stack).slice(0, 600)}`);
    }
  }
}

main();
