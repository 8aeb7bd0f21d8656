{
  resourceType: "DiagnosticReport",
  identifier: [{value: .order_no}],
  status: "final",
  category: [{coding: [{code: (if .category == "laboratory" then "LAB" else "RAD" end)}]}],
  subject: {reference: ("Patient/" + .patient_id)},
  encounter: {reference: ("Encounter/" + .visit_no)},
  conclusion: .conclusion
}
+ (if .issued_at then {issued: .issued_at} else {} end)
+ (if .study_uid then {imagingStudy: [{identifier: {system: "urn:dicom:uid", value: ("urn:oid:" + .study_uid)}}]} else {} end)
+ (if .results then {contained: [.results | to_entries[] | {
    resourceType: "Observation",
    id: ("r" + (.key + 1 | tostring)),
    status: "final",
    code: {coding: [{code: .value.code, display: .value.name}]},
    valueString: .value.value,
    referenceRange: [{text: ((.value.reference // "") + " " + (.value.unit // ""))}]
  }]} else {} end)
