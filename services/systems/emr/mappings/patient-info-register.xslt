<?xml version="1.0" encoding="UTF-8"?>
<!-- WS/T 846 PRPA_IN201311UV02 to the EMR's patient, as JSON text: every text goes through "string". -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:v3="urn:hl7-org:v3">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:variable name="patient" select="/v3:*/v3:controlActProcess/v3:subject/v3:registrationRequest/v3:subject1/v3:patient"/>
  <xsl:variable name="person" select="$patient/v3:patientPerson"/>

  <xsl:template match="/">
    <xsl:text>{"message_id":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="/v3:*/v3:id/@extension"/></xsl:call-template>
    <xsl:text>,"sender":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="/v3:*/v3:sender/v3:device/v3:id/v3:item/@extension"/></xsl:call-template>
    <xsl:text>,"patient_id":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$patient/v3:id/v3:item/@extension"/></xsl:call-template>
    <xsl:text>,"id_no":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$person/v3:id/v3:item[@root='2.16.156.10011.1.3']/@extension"/></xsl:call-template>
    <xsl:text>,"name":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$person/v3:name/v3:item/v3:part/@value"/></xsl:call-template>
    <xsl:text>,"phone":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$person/v3:telecom/v3:item/@value"/></xsl:call-template>
    <xsl:text>,"sex":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$person/v3:administrativeGenderCode/@code"/></xsl:call-template>
    <xsl:text>,"birth":</xsl:text>
    <xsl:call-template name="string"><xsl:with-param name="text" select="$person/v3:birthTime/@value"/></xsl:call-template>
    <xsl:text>}</xsl:text>
  </xsl:template>

  <!-- A JSON string (RFC 8259 §7): quotation mark, reverse solidus and the white space that XML can hold. -->
  <xsl:template name="string">
    <xsl:param name="text"/>
    <xsl:text>"</xsl:text>
    <xsl:call-template name="escape"><xsl:with-param name="text" select="string($text)"/></xsl:call-template>
    <xsl:text>"</xsl:text>
  </xsl:template>

  <xsl:template name="escape">
    <xsl:param name="text"/>
    <xsl:variable name="first" select="substring($text, 1, 1)"/>
    <xsl:variable name="plain" select="translate($text, '&quot;\&#9;&#10;&#13;', '')"/>
    <xsl:choose>
      <xsl:when test="$plain = $text"><xsl:value-of select="$text"/></xsl:when>
      <xsl:otherwise>
        <xsl:choose>
          <xsl:when test="$first = '&quot;'">\"</xsl:when>
          <xsl:when test="$first = '\'">\\</xsl:when>
          <xsl:when test="$first = '&#9;'">\t</xsl:when>
          <xsl:when test="$first = '&#10;'">\n</xsl:when>
          <xsl:when test="$first = '&#13;'">\r</xsl:when>
          <xsl:otherwise><xsl:value-of select="$first"/></xsl:otherwise>
        </xsl:choose>
        <xsl:call-template name="escape"><xsl:with-param name="text" select="substring($text, 2)"/></xsl:call-template>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>
</xsl:stylesheet>
