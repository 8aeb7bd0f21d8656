{
  accession_number,
  visit_no,
  patient_id: .patient.patient_id,
  patient_name: .patient.name,
  modality,
  procedure_code: .procedure.code,
  procedure_name: .procedure.name
}
