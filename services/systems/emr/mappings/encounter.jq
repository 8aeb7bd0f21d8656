{
  resourceType: "Encounter",
  identifier: [{system: "urn:oid:2.16.156.10011.1.11", value: .visit_no}],
  status: "arrived",
  class: {system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: "AMB"},
  subject: {reference: ("Patient/" + .patient_id)},
  serviceType: {coding: [{code: .department}]},
  participant: [{individual: {display: .doctor}}]
}
+ (if .insurance_id then {account: [{identifier: {value: .insurance_id}}]} else {} end)
