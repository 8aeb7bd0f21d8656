# meta.source carries the message that this came from, so that the acknowledgement can name it (FHIR R4 Meta.source).
{
  target: .patient_id,
  resourceType: "Patient",
  id: .patient_id,
  meta: {source: ("urn:system:" + .sender + "#" + .message_id)},
  identifier: [
    {system: "urn:oid:2.16.156.10011.1.3", value: .id_no},
    {system: "urn:oid:2.16.156.10011.2.5.1.4", value: .patient_id}
  ],
  name: [{text: .name}],
  telecom: [{system: "phone", value: .phone}],
  gender: .sex,
  birthDate: (.birth[0:4] + "-" + .birth[4:6] + "-" + .birth[6:8])
}
